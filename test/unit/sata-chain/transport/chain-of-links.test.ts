import fc from 'fast-check';
import t from 'tap';
import { systemScheduler } from '../../../../src/adapters/system-scheduler.ts';
import {
  AtaFault,
  BlockDrive,
  ChainRouter,
  FisDevice,
  FisHost,
  gatedTarget,
  millis,
  type SataTarget,
} from '../../../../src/sata-chain/index.ts';
import { BadSectorDevice } from '../../../kit/bad-sectors.ts';
import { inProcessBench, type LinkBench, socketBench } from '../../../kit/chain-links.ts';
import { fisPipe, pipePair } from '../../../kit/fis-pipes.ts';
import { noise } from '../../../kit/noise.ts';
import { TurnScheduler } from '../../../kit/turn-scheduler.ts';

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? `${error.kind} ${error.lba}` : String(error)),
  );

/** Units that know each other by FISes only, as in processes of their own. */
async function chainOverPipes(disks: readonly BadSectorDevice[]) {
  const scheduler = new TurnScheduler();
  let below: SataTarget | undefined;
  for (const [i, disk] of [...disks.entries()].toReversed()) {
    const drive = new BlockDrive(disk, { serial: `S${i}` });
    const router = new ChainRouter();
    router.setMembers(
      { identity: drive.identity, target: drive },
      below && { identity: await below.identify(), target: below },
    );
    if (i === 0) return { head: router, scheduler };
    const pipes = pipePair();
    new FisDevice(
      pipes.device,
      gatedTarget(router, () => undefined),
      scheduler,
    );
    below = new FisHost(pipes.host, scheduler, { deadline: millis(100), resetDeadline: millis(20) });
  }
  throw new Error('no unit');
}

await t.test(
  'units that speak by FISes only are one flat disk; a fault names the LBA of the host',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(200), fc.integer({ min: 1, max: 60 })), { maxLength: 12 }),
        fc.option(fc.nat(199), { nil: undefined }),
        async (sizes, commands, bad) => {
          const disks = sizes.map((sectors, i) => new BadSectorDevice(`disk${i}`, sectors));
          const total = sizes.reduce((sum, sectors) => sum + sectors, 0);
          const { head } = await chainOverPipes(disks);
          if ((await head.identify()).sectors !== total) throw new Error('another size');
          let base = 0;
          for (const [i, sectors] of sizes.entries()) {
            if (bad !== undefined && bad >= base && bad < base + sectors) disks[i]!.bad.add(bad - base);
            base += sectors;
          }
          for (const [n, [writes, lba, count]] of commands.entries()) {
            const data = noise(count * 512, n + 1);
            const seen = await endOf(writes ? head.write(lba, data, false) : head.read(lba, data));
            const whole = Buffer.concat(disks.map((disk) => disk.bytes));
            const failing = bad !== undefined && bad >= lba && bad < lba + count;
            const beyond = lba + count > total;
            const expected = beyond ? `RANGE ${Math.max(lba, total)}` : failing ? `MEDIUM ${bad}` : 'done';
            if (seen !== expected) throw new Error(`${lba}+${count}: ${seen}, not ${expected}`);
            const there = whole.subarray(lba * 512, (lba + count) * 512);
            if (seen === 'done' && !there.equals(data)) throw new Error('other bytes');
          }
        },
      ),
      { numRuns: 60 },
    );
  },
);

await t.test('a drive that comes back with another size, or other sectors, is seen to', async (t) => {
  const pipes = pipePair();
  const scheduler = new TurnScheduler();
  const drives = [
    new BlockDrive(new BadSectorDevice('disk', 100), { serial: 'A' }),
    new BlockDrive(new BadSectorDevice('disk', 50), { serial: 'A' }),
    new BlockDrive(new BadSectorDevice('disk', 100, 4096), { serial: 'A' }),
  ];
  const host = new FisHost(pipes.host, scheduler, { deadline: millis(20), resetDeadline: millis(5) });
  const own = new BlockDrive(new BadSectorDevice('own', 10), { serial: 'B' });
  const router = new ChainRouter();
  const map = async () =>
    router.setMembers(
      { identity: own.identity, target: own },
      { identity: await host.identify(), target: host },
    );
  let device = new FisDevice(pipes.device, drives[0]!, scheduler);
  t.match(await map(), { ok: true, identity: { sectors: 110 } });
  t.equal(await endOf(router.read(105, new Uint8Array(512))), 'done');
  device.close();
  device = new FisDevice(pipes.device, drives[1]!, scheduler);
  for (let i = 0; i < 30; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  t.equal(
    await endOf(router.read(105, new Uint8Array(512))),
    'RANGE 105',
    'mapped as before: beyond is beyond',
  );
  t.equal(await endOf(router.read(20, new Uint8Array(512))), 'done');
  t.match(await map(), { ok: true, identity: { sectors: 60 } });
  device.close();
  device = new FisDevice(pipes.device, drives[2]!, scheduler);
  for (let i = 0; i < 30; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  t.match(await endOf(router.read(20, new Uint8Array(512))), /^ABORTED/, 'no whole sector of that drive');
  t.match(await map(), { ok: false, fault: 'sector-size' });
  t.match(await endOf(router.read(0, new Uint8Array(512))), /^ABORTED/);
  device.close();
  host.close();
});

for (const [kind, make] of [
  ['in one process', () => inProcessBench()],
  ['over a unix socket', () => socketBench()],
] as readonly [string, () => Promise<LinkBench>][]) {
  await t.test(`a real link ${kind} carries the commands`, async (t) => {
    const link = await make();
    const scheduler = systemScheduler();
    const disk = new BadSectorDevice('disk', 16_384);
    const device = new FisDevice(fisPipe(link.b), new BlockDrive(disk, { serial: 'A' }), scheduler);
    const host = new FisHost(fisPipe(link.a), scheduler);
    const connected = new Promise<void>((resolve) => {
      const stop = link.a.onConnection((there) => there && resolve());
      t.teardown(stop);
    });
    await connected;
    t.equal((await host.identify()).sectors, 16_384);
    const whole = noise(8 * 1024 * 1024, 7);
    const began = process.hrtime.bigint();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        host.write(i * 2048, whole.subarray(i * 2 ** 20, (i + 1) * 2 ** 20), false),
      ),
    );
    const written = process.hrtime.bigint();
    const into = new Uint8Array(whole.byteLength);
    await host.read(0, into);
    const read = process.hrtime.bigint();
    t.ok(Buffer.from(into).equals(whole));
    const speed = (nanos: bigint): string => `${Math.round(8e9 / Number(nanos))} MiB/s`;
    t.comment(
      `figure: ${kind}: 8 MiB written at ${speed(written - began)}, read at ${speed(read - written)}`,
    );
    const under = Array.from({ length: 8 }, (_, i) => endOf(host.read(i * 2048, new Uint8Array(2 ** 20))));
    link.cut();
    const ends = await Promise.all(under);
    t.ok(
      ends.every((end) => end === 'done' || end.startsWith('LINK')),
      String(ends),
    );
    link.restore();
    let back = 'LINK';
    for (let i = 0; i < 200 && back.startsWith('LINK'); i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      back = await endOf(host.flush());
    }
    t.equal(back, 'done');
    device.close();
    host.close();
    await link.done();
  });
}
