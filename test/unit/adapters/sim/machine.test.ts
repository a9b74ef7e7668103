import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  openSimControl,
  parseSimConfig,
  type SimConfigInput,
  SimMachine,
  VirtualClock,
} from '../../../../src/adapters/sim/index.ts';
import { seconds, utf8 } from '../../../../src/base/index.ts';
import type { Channel } from '../../../../src/ports/index.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const never = new AbortController().signal;
const channels: Channel[] = [
  { name: 'lid', kind: 'gpio', readable: true, writable: false, unit: 'state' },
  { name: 'cam', kind: 'camera', readable: true, writable: false, unit: 'jpeg' },
  { name: 'gnss', kind: 'gnss', readable: true, writable: false, unit: 'nmea' },
  { name: 'console', kind: 'uart', readable: true, writable: true, unit: 'bytes' },
];

function machine(config: Partial<SimConfigInput> = {}, image = new MemoryDevice('disk0', 64 * 1024)) {
  const clock = new VirtualClock();
  let cuts = 0;
  const sim = new SimMachine({
    config: parseSimConfig({ disks: [{ image: 'none' }], switchDelayMs: 0, ...config }),
    clock,
    channels,
    handBackMs: 2000,
    openImage: async () => image,
    onPowerCut: () => {
      cuts += 1;
    },
  });
  const take = () => clock.settle(sim.drives[0]!.take(never), seconds(5));
  return { sim, clock, image, take, cuts: () => cuts };
}

await t.test('the power goes at the chosen write, tears it, and nothing works after', async (t) => {
  const { sim, image, take, cuts } = machine({ cutAtWrite: 3 });
  const disk = await take();
  await disk.write(0, new Uint8Array(512).fill(1));
  await disk.write(512, new Uint8Array(512).fill(2));
  await t.rejects(disk.write(1024, new Uint8Array(4096).fill(3)), { code: 'NS_POWER_CUT' });
  await t.rejects(disk.read(0, new Uint8Array(1)), { code: 'NS_POWER_CUT' });
  t.equal(cuts(), 1);
  t.ok(sim.power.isOff);
  t.equal(image.bytes[0], 1);
  const torn = image.bytes.subarray(1024, 1024 + 4096).filter((byte) => byte === 3).length;
  t.equal(torn % 512, 0, 'whole sectors');
});

await t.test(
  'with a volatile cache only what was flushed is sure, and the same seed loses the same',
  async (t) => {
    const run = async (seed: number) => {
      const { image, take } = machine({ cutAtWrite: 22, volatileCache: true, seed });
      const disk = await take();
      await disk.write(0, new Uint8Array(512).fill(9));
      await disk.flush();
      for (let i = 1; i <= 20; i += 1) await disk.write(i * 512, new Uint8Array(512).fill(i));
      const seen = new Uint8Array(512);
      await disk.read(5 * 512, seen);
      t.equal(seen[0], 5, 'reads see the cache');
      await t.rejects(disk.write(0, new Uint8Array(512)), { code: 'NS_POWER_CUT' });
      return Array.from({ length: 21 }, (_, i) => image.bytes[i * 512]);
    };
    const first = await run(1);
    t.ok(first[0] === 9 || first[0] === 0, 'flushed, and perhaps overwritten by the last write');
    const landed = first.slice(1).filter((byte) => byte !== 0).length;
    t.ok(landed > 0 && landed < 20, `${landed} of 20 landed`);
    t.same(await run(1), first);
    t.notSame(await run(2), first);
  },
);

await t.test('a bad sector fails reads that touch it, and no others', async (t) => {
  const { sim, take } = machine({ disks: [{ image: 'x', badSectors: [3] }] });
  const disk = await take();
  await disk.read(0, new Uint8Array(3 * 512));
  await t.rejects(disk.read(1024, new Uint8Array(1024)), { code: 'NS_BLOCK_IO', message: /sector 3/ });
  sim.addBadSector('disk0', 0);
  await t.rejects(disk.read(0, new Uint8Array(1)), { code: 'NS_BLOCK_IO' });
});

await t.test('a drive that was given back is out of reach', async (t) => {
  const { sim, clock, take } = machine();
  const disk = await take();
  await clock.settle(sim.drives[0]!.giveBack(), seconds(5));
  await t.rejects(disk.write(0, new Uint8Array(1)), { code: 'NS_BLOCK_IO' });
});

await t.test('the camera sends a whole JPEG and the receiver a checked sentence', async (t) => {
  const { sim, clock } = machine();
  const jpeg = (await sim.io.read('cam')) as Uint8Array;
  t.same([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9]);
  t.same(await sim.io.read('cam'), jpeg, 'the same moment, the same picture');
  await clock.advance(seconds(1));
  t.notSame(await sim.io.read('cam'), jpeg);
  const sentence = Buffer.from((await sim.io.read('gnss')) as Uint8Array).toString();
  const [, body, sum] = /^\$(.*)\*([0-9A-F]{2})\r\n$/.exec(sentence)!;
  t.equal(
    Number.parseInt(sum!, 16),
    [...Buffer.from(body!)].reduce((a, b) => a ^ b, 0),
  );
  await sim.io.write('console', Buffer.from('ls\r'));
  t.equal(Buffer.from((await sim.io.read('console')) as Uint8Array).toString(), 'ls\r\nsim-host> ');
});

await t.test('what is written to a UART is in its log at once', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ns-sim-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const { sim } = machine({ uartLog: join(dir, 'console.log') });
  await sim.io.write('console', utf8('one\n'));
  await sim.io.write('console', utf8('two\n'));
  t.equal(await readFile(join(dir, 'console.log'), 'utf8'), 'one\ntwo\n');
});

await t.test('the control socket turns the knobs, for its owner only', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ns-sim-'));
  const path = join(dir, 'sim.sock');
  const { sim } = machine({ dimms: [{ slot: 'A1', size: 4096 }] });
  const control = await openSimControl(sim, path);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  const socket = connect(path);
  const lines = lineReader(socket);
  const say = async (text: string) => {
    socket.write(`${text}\n`);
    return JSON.parse(await lines()) as Record<string, unknown>;
  };
  t.same(await say('{"get":"state"}'), { ok: true, state: 'S5', drives: { disk0: 'host' }, writes: 0 });
  t.same(await say('{"set":"S3"}'), { ok: true, state: 'S3' });
  t.equal(sim.host.state, 'S3');
  t.same(await say('{"press":"power"}'), { ok: true, result: 'asked' });
  t.same(await say('{"cutAtWrite":12}'), { ok: true, writes: 0 });
  t.match(await say('{"fault":{"switch":"stuck","disk":"disk0"}}'), { ok: true });
  t.match(await say('{"fault":{"memory":{"kind":"stuck-at","at":8,"value":1},"slot":"A1"}}'), { ok: true });
  t.match(await say('{"io":{"channel":"lid","value":1}}'), { ok: true });
  t.equal(await sim.io.read('lid'), 1);
  t.match(await say('{"set":"S9"}'), { ok: false, error: /S9/ });
  t.match(await say('{"sett":"S5"}'), { ok: false, error: /one of get, set/ });
  t.match(await say('{"set":"S5","and":1}'), { ok: false, error: /and/ });
  t.match(await say('nonsense'), { ok: false, error: /not JSON/ });
  t.match(await say('{"io":{"channel":"nothing","value":1}}'), { ok: false, error: /no channel/ });
  socket.write('x'.repeat(5000));
  t.match(JSON.parse(await lines()), { ok: false, error: /too long/ });
  const other = connect(path);
  other.write(`${'x'.repeat(5000)}\n{"set":"S0"}\n`);
  t.match(JSON.parse(await lineReader(other)()), { ok: false, error: /too long/ });
  await once(other, 'close');
  t.equal(sim.host.state, 'S3', 'what came behind it is not obeyed');
  await control.close();
  await writeFile(path, 'precious');
  await t.rejects(openSimControl(sim, path), { code: 'NS_SOCKET_PATH' });
  await rm(dir, { recursive: true });
});

function lineReader(socket: ReturnType<typeof connect>): () => Promise<string> {
  const lines: string[] = [];
  let wake = () => {};
  let rest = '';
  socket.on('data', (chunk) => {
    rest += chunk.toString();
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      lines.push(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
    wake();
  });
  return async () => {
    while (lines.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return lines.shift()!;
  };
}
