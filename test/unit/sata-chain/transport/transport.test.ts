import fc from 'fast-check';
import t from 'tap';
import { AtaFault, decodeFis, millis } from '../../../../src/sata-chain/index.ts';
import { fisBench } from '../../../kit/fis-bench.ts';
import { noise } from '../../../kit/noise.ts';

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? `${error.kind} ${error.lba}` : String(error)),
  );

type Verb = 'read' | 'write' | 'fua' | 'verify' | 'trim' | 'flush' | 'smart' | 'identify' | 'beyond';
const SLOT = 12;

await t.test('random commands, 32 at once, are as on a flat disk, faults and all', async (t) => {
  let failed = 0;
  let commands = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 7, 32),
      fc.constantFrom(512, 2048, 65_536),
      fc.integer({ min: 1, max: 8 }),
      fc.uniqueArray(fc.nat(32 * SLOT - 1), { maxLength: 4 }),
      fc.array(
        fc.array(
          fc.record({
            verb: fc.constantFrom<Verb>(
              'read',
              'write',
              'fua',
              'verify',
              'trim',
              'flush',
              'smart',
              'identify',
              'beyond',
            ),
            at: fc.nat(SLOT - 1),
            count: fc.integer({ min: 1, max: SLOT }),
          }),
          { minLength: 12, maxLength: 32 },
        ),
        { minLength: 1, maxLength: 3 },
      ),
      async (ncqDepth, largest, capacity, bad, batches) => {
        const total = 32 * SLOT;
        const { host, disk, scheduler } = fisBench({
          sectors: total,
          drive: { ncqDepth },
          largest,
          capacity,
          host: { largestCommand: 3 * 512 },
        });
        for (const sector of bad) disk.bad.add(sector);
        const flat = new Uint8Array(total * 512);
        for (const [b, batch] of batches.entries()) {
          const runs = batch.map(async ({ verb, at, count: wanted }, slot) => {
            const count = Math.min(wanted, SLOT - at);
            const lba = slot * SLOT + at;
            const first = bad
              .filter((sector) => sector >= lba && sector < lba + count)
              .toSorted((x, y) => x - y)[0];
            const part = flat.subarray(lba * 512, (lba + count) * 512);
            const data = noise(count * 512, b * 32 + slot + 1);
            const medium = first === undefined ? 'done' : `MEDIUM ${first}`;
            let expected = 'done';
            let seen: string;
            if (verb === 'read') {
              const into = new Uint8Array(count * 512);
              seen = await endOf(host.read(lba, into));
              expected = medium;
              if (seen === 'done' && !Buffer.from(into).equals(part)) seen = 'other bytes';
            } else if (verb === 'write' || verb === 'fua') {
              seen = await endOf(host.write(lba, data, verb === 'fua'));
              expected = medium;
              // What a failed write leaves behind is open: take it over.
              part.set(seen === 'done' ? data : disk.bytes.subarray(lba * 512, (lba + count) * 512));
            } else if (verb === 'verify') {
              seen = await endOf(host.verify(lba, count));
              expected = medium;
            } else if (verb === 'trim') {
              seen = await endOf(host.trim([{ lba, count }]));
              expected = medium === 'done' ? 'done' : seen;
              if (medium === 'done') part.fill(0);
            } else if (verb === 'beyond') {
              seen = await endOf(host.read(total - 1, new Uint8Array(1024)));
              const last = bad.includes(total - 1);
              expected = last ? seen : `RANGE ${total}`;
            } else if (verb === 'flush') seen = await endOf(host.flush());
            else if (verb === 'smart') seen = await endOf(host.smartStatus());
            else {
              const identity = await host.identify();
              seen =
                identity.sectors === total && identity.features.ncqDepth === ncqDepth
                  ? 'done'
                  : 'another size';
            }
            commands += 1;
            if (seen !== 'done') failed += 1;
            if (seen !== expected) throw new Error(`${verb} ${lba}+${count}: ${seen}, not ${expected}`);
          });
          const ends = await Promise.allSettled(runs);
          for (const end of ends) if (end.status === 'rejected') throw end.reason;
        }
        if (!Buffer.from(flat).equals(disk.bytes)) throw new Error('other bytes on the disk');
        if (scheduler.pending > 0) throw new Error('a timer was left behind');
      },
    ),
    { numRuns: 60 },
  );
  t.comment(`figure: ${commands} commands, ${failed} of them failed as they must`);
  t.ok(commands > 500 && failed > 20);
});

await t.test(
  'a deep queue is used: 32 reads are under way at once, and none with a depth of 0',
  async (t) => {
    for (const [ncqDepth, most] of [
      [32, 32],
      [5, 5],
      [0, 1],
    ] as const) {
      let under = 0;
      let deepest = 0;
      const { host } = fisBench({
        drive: { ncqDepth },
        wrap: (drive) => ({
          identify: () => drive.identify(),
          read: async (lba, into) => {
            under += 1;
            deepest = Math.max(deepest, under);
            for (let i = 0; i < 100; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
            await drive.read(lba, into);
            under -= 1;
          },
          write: () => Promise.reject(new Error('not asked')),
          verify: () => Promise.reject(new Error('not asked')),
          trim: () => Promise.reject(new Error('not asked')),
          flush: () => drive.flush(),
          smartStatus: () => drive.smartStatus(),
        }),
      });
      await Promise.all(Array.from({ length: 64 }, (_, i) => host.read(i, new Uint8Array(512))));
      t.equal(deepest, most);
    }
  },
);

await t.test('a failed queued command fails alone; the others are done', async (t) => {
  const { host, disk, pipes } = fisBench();
  disk.bytes.set(noise(256 * 512, 5));
  disk.bad.add(77);
  await host.identify();
  pipes.sent.device.length = 0;
  const ends = await Promise.all(
    Array.from({ length: 32 }, async (_, i) => {
      const into = new Uint8Array(8 * 512);
      const end = await endOf(host.read(i * 8, into));
      const same = Buffer.from(into).equals(disk.bytes.subarray(i * 4096, (i + 1) * 4096));
      return end === 'done' && !same ? 'other bytes' : end;
    }),
  );
  t.same(
    ends,
    Array.from({ length: 32 }, (_, i) => (i === 9 ? 'MEDIUM 77' : 'done')),
  );
});

await t.test('sectors of 4096 bytes, and commands larger than one', async (t) => {
  const { host, disk } = fisBench({ sectors: 64, sectorSize: 4096, host: { largestCommand: 10_000 } });
  const data = noise(20 * 4096, 3);
  await host.write(7, data, true);
  t.ok(Buffer.from(data).equals(disk.bytes.subarray(7 * 4096, 27 * 4096)));
  const into = new Uint8Array(20 * 4096);
  await host.read(7, into);
  t.ok(Buffer.from(into).equals(data));
  t.equal((await host.identify()).sectorSize, 4096);
  t.equal(await endOf(host.read(0, new Uint8Array(512))), 'ABORTED undefined', 'not a whole sector');
});

await t.test('a large command holds no more memory at the device than it may', async (t) => {
  let held = 0;
  let most = 0;
  const { host, disk } = fisBench({
    sectors: 8192,
    device: { memory: 512 * 1024 },
    host: { largestCommand: 4 * 1024 * 1024, deadline: millis(10_000) },
    wrap: (drive) => ({
      identify: () => drive.identify(),
      read: async (lba, into) => {
        held += into.byteLength;
        most = Math.max(most, held);
        await drive.read(lba, into);
        await new Promise<void>((resolve) => setImmediate(resolve));
        held -= into.byteLength;
      },
      write: (lba, data, fua) => drive.write(lba, data, fua),
      verify: (lba, count) => drive.verify(lba, count),
      trim: (ranges) => drive.trim(ranges),
      flush: () => drive.flush(),
      smartStatus: () => drive.smartStatus(),
    }),
  });
  disk.bytes.set(noise(8192 * 512, 2));
  const whole = Array.from({ length: 4 }, () => new Uint8Array(8192 * 512));
  await Promise.all(whole.map((into) => host.read(0, into)));
  t.ok(whole.every((into) => Buffer.from(into).equals(disk.bytes)));
  t.ok(most <= 512 * 1024, `${most} bytes at once`);
});

await t.test('FUA, flush, trim and SMART reach the drive as what they are', async (t) => {
  const { host, disk, drive } = fisBench();
  await host.write(0, new Uint8Array(512), true);
  t.same(
    disk.calls.map((call) => call.verb),
    ['write', 'flush'],
  );
  disk.bytes.fill(9);
  await host.trim([
    { lba: 1, count: 2 },
    { lba: 200, count: 56 },
  ]);
  t.ok(disk.bytes.every((byte, at) => byte === ((at >= 512 && at < 1536) || at >= 200 * 512 ? 0 : 9)));
  const many = Array.from({ length: 600 }, (_, i) => ({ lba: i % 256, count: 1 }));
  await host.trim(many);
  t.ok(disk.bytes.every((byte) => byte === 0));
  t.equal(await endOf(host.trim([{ lba: 255, count: 2 }])), 'RANGE 256');
  t.equal(await host.smartStatus(), 'good');
  drive.tellHealth('failing');
  t.equal(await host.smartStatus(), 'failing');
});

await t.test('a device without FUA is flushed instead', async (t) => {
  const { host, disk } = fisBench({
    wrap: (drive) => ({
      identify: async () => {
        const identity = await drive.identify();
        return { ...identity, features: { ...identity.features, fua: false } };
      },
      read: (lba, into) => drive.read(lba, into),
      write: (lba, data, fua) =>
        fua ? Promise.reject(new Error('it has no FUA')) : drive.write(lba, data, fua),
      verify: (lba, count) => drive.verify(lba, count),
      trim: (ranges) => drive.trim(ranges),
      flush: () => drive.flush(),
      smartStatus: () => drive.smartStatus(),
    }),
  });
  await host.write(0, new Uint8Array(512), true);
  t.same(
    disk.calls.map((call) => call.verb),
    ['write', 'flush'],
  );
});

await t.test('the FISes of a queued read and write are those of SATA', async (t) => {
  const { host, pipes } = fisBench();
  await host.identify();
  const heard: string[] = [];
  pipes.mishap = (bytes, to) => {
    const fis = decodeFis(bytes);
    heard.push(`${to === 'host' ? '<' : '>'}${fis.type}`);
    return undefined;
  };
  await host.read(0, new Uint8Array(9000 - (9000 % 512)));
  t.same(heard.splice(0), [
    '>register-h2d',
    '<register-d2h',
    '<dma-setup',
    '<data',
    '<data',
    '<set-device-bits',
  ]);
  await host.write(0, new Uint8Array(32 * 512), false);
  t.same(heard.splice(0), [
    '>register-h2d',
    '<register-d2h',
    '<dma-setup',
    '>data',
    '<dma-activate',
    '>data',
    '<set-device-bits',
  ]);
});
