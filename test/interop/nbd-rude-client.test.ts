import t from 'tap';
import type { NbdServerOptions } from '../../src/adapters/nbd/nbd-server.ts';
import { bytes, MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { eventually } from '../kit/eventually.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { serveDisk } from '../kit/nbd-export.ts';
import { RawClient } from '../kit/nbd-raw-client.ts';
import { noise } from '../kit/noise.ts';
import { seededRandom } from '../kit/power-cut.ts';

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
const serve = (device: BlockDevice, options?: NbdServerOptions) => serveDisk(directory.path, device, options);
const NONE = new Uint8Array(0);

await t.test('whoever vanishes in the middle of a write has written nothing', async (t) => {
  const device = new MemoryDevice('disk0', 4 * MiB);
  const { server, socketPath } = await serve(device);
  for (const sent of [0, 1, 65_536, MiB - 1]) {
    const client = await new RawClient(socketPath).start(true);
    client.request(1, 0n, MiB, new Uint8Array(sent).fill(1));
    while (client.socket.writableLength > 0) await new Promise((resolve) => setImmediate(resolve));
    client.socket.destroy();
  }
  const whole = await new RawClient(socketPath).start(true);
  whole.request(1, BigInt(2 * MiB), MiB, new Uint8Array(MiB).fill(2));
  t.equal(await whole.error(), 0);
  t.ok(device.bytes.subarray(0, 2 * MiB).every((byte) => byte === 0));
  t.ok(device.bytes.subarray(2 * MiB, 3 * MiB).every((byte) => byte === 2));
  whole.socket.destroy();
  await server.close();
});

await t.test(
  'whoever asks a drive that hangs, and comes again and again, is let in only so often',
  async (t) => {
    let asked = 0;
    const device = new MemoryDevice('disk0', MiB);
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    device.read = () => {
      asked += 1;
      return answered;
    };
    const { server } = await serve(device, {
      tcp: { host: '127.0.0.1', port: 0 },
      limits: { connections: 4, requests: 8 },
    });
    for (let i = 0; i < 12; i += 1) {
      const before = asked;
      const client = await new RawClient(server.port!).start(true);
      for (let cookie = 0; cookie < 8; cookie += 1) client.request(0, 0n, 512);
      await eventually(() => asked === before + 8 || client.socket.destroyed);
      client.socket.resetAndDestroy();
    }
    t.equal(asked, 4 * 8);
    answer();
    await eventually(async () => {
      const late = await new RawClient(server.port!).start(true);
      late.request(3, 0n, 0);
      const isIn = !late.socket.destroyed && (await late.take(16)) !== undefined;
      late.socket.destroy();
      return isIn;
    });
    await server.close();
  },
);

await t.test('a request for gigabytes leaves the event loop to others', async (t) => {
  const GiB = 1024 * MiB;
  let thisTurn = 0;
  let most = 0;
  const count = async (): Promise<void> => {
    thisTurn += 1;
    most = Math.max(most, thisTurn);
  };
  const quick: BlockDevice = {
    name: 'disk0',
    capabilities: { size: bytes(GiB), sectorSize: bytes(512), writable: true, trim: false },
    read: count,
    write: count,
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
  };
  let running = true;
  const turn = (): void => {
    thisTurn = 0;
    if (running) setImmediate(turn);
  };
  turn();
  const { server, socketPath } = await serve(quick);
  const client = await new RawClient(socketPath).start(true);
  for (const command of [5, 6]) {
    client.request(command, 0n, GiB);
    client.request(command, 0n, GiB);
    t.equal(await client.error(), 0);
    t.equal(await client.error(), 0);
  }
  t.ok(most <= 2, 'a piece of each request in a turn');
  running = false;
  client.socket.destroy();
  await server.close();
});

await t.test('a write that comes in crumbs is whole in the end', async (t) => {
  const device = new MemoryDevice('disk0', MiB);
  const { server, socketPath } = await serve(device);
  const client = await new RawClient(socketPath).start(true);
  const content = noise(20_000, 1);
  client.socket.setNoDelay(true);
  client.request(1, 100n, content.byteLength);
  for (let at = 0; at < content.byteLength; at += 97) {
    client.socket.write(content.subarray(at, at + 97));
    if (at % 970 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(await client.error(), 0);
  t.same(device.bytes.subarray(100, 100 + content.byteLength), content);
  client.socket.destroy();
  await server.close();
});

await t.test('whoever asks and never reads the answers is not listened to any further', async (t) => {
  let asked = 0;
  const inner = new MemoryDevice('disk0', MiB);
  const counting: BlockDevice = {
    name: 'disk0',
    capabilities: inner.capabilities,
    read: (offset, into) => inner.read(offset, into),
    write: (offset, data) => inner.write(offset, data),
    async flush() {
      asked += 1;
    },
    trim: (offset, length) => inner.trim(offset, length),
    close: () => inner.close(),
  };
  const { server, socketPath } = await serve(counting);
  const client = await new RawClient(socketPath).start(true);
  client.socket.pause();
  let sent = 0;
  while (client.socket.writableLength < MiB) {
    for (let i = 0; i < 1000; i += 1) client.request(3, 0n, 0);
    sent += 1000;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.comment(`${sent} flushes sent, ${asked} made`);
  t.ok(asked < sent);
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(asked, before, 'it stands still');
  client.socket.resume();
  await eventually(() => asked === sent);
  client.socket.destroy();
  await server.close();
});

await t.test('garbage at any point ends that client alone and changes nothing', async (t) => {
  const device = new MemoryDevice('disk0', MiB);
  const { server, socketPath } = await serve(device, { limits: { connections: 64 } });
  const honest = await new RawClient(socketPath).start(true);
  const random = seededRandom(7);
  for (let round = 0; round < 40; round += 1) {
    const client = await new RawClient(socketPath).start(round % 2 === 0);
    client.socket.end(noise(1 + Math.floor(random() * 3000), round));
    while ((await client.take(1)) !== undefined);
  }
  honest.request(0, 0n, 512);
  t.equal(await honest.error(), 0);
  t.same(await honest.take(512), Buffer.alloc(512));
  t.ok(device.bytes.every((byte) => byte === 0));
  honest.socket.destroy();
  await server.close();
});

await t.test('no more clients than agreed, and none that does not come to the point', async (t) => {
  const limits = { connections: 2, handshakeMilliseconds: 150 };
  const { server, socketPath } = await serve(new MemoryDevice('disk0', MiB), { limits });
  const served = await new RawClient(socketPath).start(true);
  const dripping = new RawClient(socketPath);
  await dripping.take(18);
  const drip = setInterval(() => dripping.socket.write(Buffer.of(0)), 20);
  t.equal(await new RawClient(socketPath).take(1), undefined, 'a third is not let in');
  t.equal(await dripping.take(1), undefined);
  clearInterval(drip);
  const next = await new RawClient(socketPath).start(true);
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const client of [served, next]) {
    client.request(3, 0n, 0);
    t.equal(await client.error(), 0, 'whoever has an export may be idle');
    client.socket.destroy();
  }
  await server.close();
});

await t.test(
  'with a smallest block, whoever cannot know of it is not let in, and crooked requests fail',
  async (t) => {
    const { server, socketPath } = await serve(new MemoryDevice('disk0', MiB), { minimumBlock: 512 });
    const old = await new RawClient(socketPath).start(false);
    old.option(1, Buffer.from('disk0'));
    t.equal(await old.take(1), undefined);
    const client = await new RawClient(socketPath).start(false);
    client.option(7, Buffer.alloc(6));
    t.equal((await client.optionReply())?.type, 0x80000008);
    client.option(7, Buffer.from([0, 0, 0, 0, 0, 1, 0, 3]));
    t.equal((await client.optionReply())?.type, 3);
    t.equal((await client.optionReply())?.data.readUInt32BE(2), 512);
    t.equal((await client.optionReply())?.type, 1);
    for (const [command, offset, length, data] of [
      [0, 1n, 512, NONE],
      [0, 0n, 511, NONE],
      [1, 512n, 1, Uint8Array.of(1)],
      [6, 100n, 512, NONE],
    ] as const) {
      client.request(command, offset, length, data);
      t.equal(await client.error(), 22);
    }
    client.request(1, 512n, 512, new Uint8Array(512));
    t.equal(await client.error(), 0);
    client.socket.destroy();
    await server.close();
  },
);

await t.test('zeros are written and flushed as asked; what was under way at a goodbye is done', async (t) => {
  const device = new MemoryDevice('disk0', noise(4 * MiB, 3));
  let flushes = 0;
  device.flush = async () => {
    flushes += 1;
  };
  const { server, socketPath } = await serve(device);
  const client = await new RawClient(socketPath).start(true);
  client.request(6, 1000n, 3 * MiB, NONE, 1 | 2);
  client.request(4, 0n, 512, NONE, 1);
  client.request(5, 0n, 4 * MiB);
  client.request(2, 0n, 0);
  for (let i = 0; i < 3; i += 1) t.equal(await client.error(), 0);
  t.equal(await client.take(1), undefined);
  t.equal(flushes, 2);
  t.ok(device.bytes.subarray(1000, 1000 + 3 * MiB).every((byte) => byte === 0));
  t.same(device.bytes.subarray(0, 1000), noise(1000, 3));
  await server.close();
});
