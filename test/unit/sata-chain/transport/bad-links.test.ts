import fc from 'fast-check';
import t from 'tap';
import { AtaFault, millis } from '../../../../src/sata-chain/index.ts';
import { fisBench } from '../../../kit/fis-bench.ts';
import type { Mishap } from '../../../kit/fis-pipes.ts';
import { noise } from '../../../kit/noise.ts';
import { seededRandom } from '../../../kit/power-cut.ts';

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? error.kind : String(error)),
  );
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};
const SLOT = 40;

for (const [what, mishaps, exact] of [
  ['lost', ['lost'], true],
  ['lost, repeated, late and garbled', ['lost', 'repeated', 'late', 'garbled'], false],
] as const) {
  await t.test(
    `FISes ${what}: every command ends, and once the link is sound all is well again`,
    async (t) => {
      const ends: Record<string, number> = {};
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          fc.constantFrom(0, 4, 32),
          fc.constantFrom(0.002, 0.03),
          async (seed, depth, rate) => {
            const random = seededRandom(seed);
            const { host, disk, pipes, scheduler } = fisBench({
              sectors: 16 * SLOT,
              drive: { ncqDepth: depth },
            });
            pipes.mishap = (): Mishap =>
              random() < rate ? mishaps[Math.floor(random() * mishaps.length)] : undefined;
            for (let batch = 0; batch < 3; batch += 1) {
              await Promise.all(
                Array.from({ length: 16 }, async (_, slot) => {
                  const lba = slot * SLOT;
                  const part = disk.bytes.subarray(lba * 512, (lba + SLOT) * 512);
                  const data = noise(SLOT * 512, batch * 16 + slot);
                  const writes = random() < 0.5;
                  const end = await endOf(writes ? host.write(lba, data, false) : host.read(lba, data));
                  ends[end] = (ends[end] ?? 0) + 1;
                  if (end !== 'done' && exact && end !== 'LINK') throw new Error(end);
                  if (exact && end === 'done' && !Buffer.from(data).equals(part))
                    throw new Error('a false success');
                }),
              );
            }
            pipes.mishap = () => undefined;
            // What was late or cut off may fail one more command; then the link is sound. A command with data shows an
            // answer that belongs to another one, a flush would take it for its own.
            await endOf(host.read(0, new Uint8Array(512)));
            await endOf(host.read(0, new Uint8Array(512)));
            const data = noise(16 * 512, 1);
            await host.write(3, data, true);
            const into = new Uint8Array(16 * 512);
            await host.read(3, into);
            if (!Buffer.from(into).equals(data)) throw new Error('other bytes');
            if (scheduler.pending > 0) throw new Error('a timer was left behind');
          },
        ),
        { numRuns: 25 },
      );
      t.comment(`figure: ${JSON.stringify(ends)}`);
      t.ok((ends.LINK ?? 0) > 20 && (ends.done ?? 0) > 100);
    },
  );
}

await t.test('a cut link fails what is under way at once; after it the device is found again', async (t) => {
  const { host, pipes } = fisBench();
  let signatures = 0;
  host.onSignature(() => (signatures += 1));
  await host.identify();
  const under = Array.from({ length: 40 }, (_, i) => endOf(host.read(i, new Uint8Array(512))));
  await turns(3);
  pipes.cut();
  t.same([...new Set(await Promise.all(under))], ['LINK']);
  t.equal(await endOf(host.flush()), 'LINK');
  const before = signatures;
  pipes.restore();
  await turns(20);
  t.equal(signatures, before + 1);
  t.equal(await endOf(host.read(0, new Uint8Array(512))), 'done');
});

await t.test(
  'a device that holds its signature back fails commands in bounded time, and tells when it is ready',
  async (t) => {
    const { host, device } = fisBench({ device: { held: true } });
    let signatures = 0;
    host.onSignature(() => (signatures += 1));
    t.equal(await endOf(host.identify()), 'LINK');
    t.equal(signatures, 0);
    device.release();
    await turns(20);
    t.equal(await endOf(host.identify()), 'done');
    device.hold();
    t.equal(await endOf(host.read(0, new Uint8Array(512))), 'LINK');
    device.release();
    await turns(50);
    t.equal(await endOf(host.read(0, new Uint8Array(512))), 'done');
  },
);

await t.test('COMRESET of the device ends what is under way, and the host hears of it', async (t) => {
  const { host, device } = fisBench();
  await host.identify();
  await turns(20);
  let signatures = 0;
  host.onSignature(() => (signatures += 1));
  const under = Array.from({ length: 8 }, (_, i) => endOf(host.read(i, new Uint8Array(512 * 32))));
  await turns(4);
  device.comreset();
  const ends = await Promise.all(under);
  t.ok(ends.includes('LINK'));
  await turns(20);
  t.equal(signatures, 1);
  t.equal(await endOf(host.flush()), 'done');
});

await t.test(
  'a drive that does not answer: commands end at their deadline, and none is done late',
  async (t) => {
    const landed: number[] = [];
    const waiting: (() => void)[] = [];
    const { host, disk } = fisBench({
      wrap: (drive) => ({
        identify: () => drive.identify(),
        read: (lba, into) => drive.read(lba, into),
        write: async (lba, data, fua) => {
          if (data[0] === 1) await new Promise<void>((resolve) => waiting.push(resolve));
          landed.push(data[0]!);
          await drive.write(lba, data, fua);
        },
        verify: (lba, count) => drive.verify(lba, count),
        trim: (ranges) => drive.trim(ranges),
        flush: () => drive.flush(),
        smartStatus: () => drive.smartStatus(),
      }),
    });
    t.equal(await endOf(host.write(5, new Uint8Array(512).fill(1), false)), 'LINK');
    t.equal(
      await endOf(host.write(5, new Uint8Array(512).fill(2), false)),
      'LINK',
      'the reset waits for the old write',
    );
    for (const go of waiting) go();
    await turns(20);
    t.equal(await endOf(host.write(5, new Uint8Array(512).fill(3), false)), 'done');
    await turns(100);
    t.same(landed, [1, 3], 'nothing old lands after it, nothing that failed at once lands at all');
    t.equal(disk.bytes[5 * 512], 3);
  },
);

await t.test('a command that its caller gives up frees the buffer at once and harms no other', async (t) => {
  const { host, disk } = fisBench({ sectors: 4096 });
  disk.bytes.fill(7);
  await host.identify();
  const stop = new AbortController();
  const reason = new Error('stopped');
  const into = new Uint8Array(64 * 512);
  const data = new Uint8Array(64 * 512).fill(8);
  const read = host.read(0, into, stop.signal);
  const write = host.write(1000, data, false, stop.signal);
  const other = host.read(500, new Uint8Array(64 * 512));
  const waiting = Array.from({ length: 60 }, () => host.read(0, new Uint8Array(512), stop.signal));
  await turns(4);
  stop.abort(reason);
  data.fill(99);
  const given = [write, ...waiting].map((one) => t.rejects(one, reason));
  await t.rejects(read, reason);
  const seen = Buffer.from(into);
  await Promise.all(given);
  await other;
  await host.flush();
  t.ok(seen.equals(into), 'the buffer given up is not written any more');
  const written = disk.bytes.subarray(1000 * 512, 1064 * 512);
  t.notOk(written.includes(99), 'what was written are the bytes of then');
  await t.rejects(host.read(0, into, AbortSignal.abort(reason)), reason);
});

await t.test('a write that its caller gives up ends when the device has ended it', async (t) => {
  let go: () => void = () => {};
  const { host, disk } = fisBench({
    host: { deadline: millis(10_000) },
    wrap: (drive) => ({
      identify: () => drive.identify(),
      read: (lba, into) => drive.read(lba, into),
      verify: (lba, count) => drive.verify(lba, count),
      trim: (ranges) => drive.trim(ranges),
      flush: () => drive.flush(),
      smartStatus: () => drive.smartStatus(),
      async write(lba, data, fua) {
        if (data[0] === 1) await new Promise<void>((resolve) => (go = resolve));
        await drive.write(lba, data, fua);
      },
    }),
  });
  await host.identify();
  const stop = new AbortController();
  let ended = false;
  const old = host.write(5, new Uint8Array(512).fill(1), false, stop.signal).catch(() => {
    ended = true;
  });
  await turns(40);
  stop.abort(new Error('stopped'));
  await turns(40);
  t.notOk(ended, 'nobody is told that it is over while it may still land');
  go();
  await old;
  t.equal(disk.bytes[5 * 512], 1);
});

await t.test('a given-up command of a dead device does not block those behind it', async (t) => {
  const { host, pipes } = fisBench();
  await host.identify();
  pipes.mishap = (_fis, to) => (to === 'device' ? 'lost' : undefined);
  const stop = new AbortController();
  const flush = host.flush(stop.signal);
  const behind = endOf(host.flush());
  await turns(2);
  stop.abort(new Error('stopped'));
  await t.rejects(flush);
  t.equal(await behind, 'LINK');
});

await t.test('a host that stops sending data frees the device by and by', async (t) => {
  const { host, pipes } = fisBench({ drive: { ncqDepth: 0 }, host: { deadline: millis(1000) } });
  await host.identify();
  pipes.mishap = (fis, to) => (to === 'device' && fis[0] === 0x46 ? 'lost' : undefined);
  t.equal(await endOf(host.write(0, new Uint8Array(512), false)), 'LINK');
  pipes.mishap = () => undefined;
  t.equal(await endOf(host.write(0, new Uint8Array(512), false)), 'done');
});

await t.test('a closed host answers nothing any more', async (t) => {
  const { host } = fisBench();
  await host.identify();
  const under = endOf(host.read(0, new Uint8Array(512)));
  host.close();
  t.equal(await under, 'LINK');
  t.equal(await endOf(host.identify()), 'LINK');
});
