import fc from 'fast-check';
import t from 'tap';
import { AtaFault, BlockDrive } from '../../../../src/sata-chain/index.ts';
import { BadSectorDevice } from '../../../kit/bad-sectors.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { noise } from '../../../kit/noise.ts';

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? `${error.kind} ${error.lba}` : String(error)),
  );

for (const sectorSize of [512, 4096] as const) {
  await t.test(
    `sectors of ${sectorSize} bytes: what is written is read; beyond the end nothing is`,
    async (t) => {
      const device = new BadSectorDevice('disk', 16, sectorSize);
      const drive = new BlockDrive(device, { serial: 'A' });
      t.match(await drive.identify(), { sectors: 16, sectorSize, serial: 'A', rotation: 1 });
      const data = noise(3 * sectorSize, 1);
      await drive.write(5, data, false);
      const into = new Uint8Array(3 * sectorSize);
      await drive.read(5, into);
      t.same(into, data);
      t.same(device.bytes.subarray(5 * sectorSize, 8 * sectorSize), data);
      const before = Buffer.from(device.bytes);
      t.equal(await endOf(drive.write(14, data, false)), 'RANGE 16');
      t.equal(await endOf(drive.read(14, into)), 'RANGE 16');
      t.equal(await endOf(drive.verify(99, 1)), 'RANGE 99');
      t.equal(
        await endOf(
          drive.trim([
            { lba: 0, count: 1 },
            { lba: 15, count: 2 },
          ]),
        ),
        'RANGE 16',
        'no range of a trim is touched where one is outside',
      );
      t.equal(await endOf(drive.verify(2 ** 52, 2 ** 52)), `RANGE ${2 ** 52}`);
      for (const lba of [-1, 0.5, Number.NaN, 2 ** 53])
        t.match(await endOf(drive.read(lba, into)), /^ABORTED/);
      t.match(await endOf(drive.read(0, new Uint8Array(sectorSize - 1))), /^ABORTED/);
      t.ok(before.equals(device.bytes));
    },
  );
}

await t.test('bytes behind the last whole sector are out of reach', async (t) => {
  const drive = new BlockDrive(new MemoryDevice('odd', 512 * 3 + 100), { serial: 'A' });
  t.equal(drive.identity.sectors, 3);
  t.equal(await endOf(drive.read(3, new Uint8Array(512))), 'RANGE 3');
  t.equal(drive.identity.features.trim, false);
  t.match(await endOf(drive.trim([{ lba: 0, count: 1 }])), /^ABORTED/);
});

await t.test('the first failing sector is found with few and ever smaller tries', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('read' as const, 'write' as const, 'verify' as const),
      fc.nat(100),
      fc.integer({ min: 1, max: 2000 }),
      fc.uniqueArray(fc.nat(1999), { minLength: 1, maxLength: 5 }),
      async (verb, lba, count, bad) => {
        const device = new BadSectorDevice('disk', 2100);
        for (const at of bad) device.bad.add(lba + at);
        const drive = new BlockDrive(device, { serial: 'A' });
        const first = bad.filter((at) => at < count).toSorted((a, b) => a - b)[0];
        const buffer = new Uint8Array(count * 512);
        const seen = await endOf(
          verb === 'read'
            ? drive.read(lba, buffer)
            : verb === 'write'
              ? drive.write(lba, buffer, false)
              : drive.verify(lba, count),
        );
        const expected = first === undefined ? 'done' : `MEDIUM ${lba + first}`;
        if (seen !== expected) throw new Error(`${seen}, not ${expected}`);
        const tried = device.calls.reduce((sum, call) => sum + call.sectors, 0);
        if (device.calls.length > 1 + 11 + 4 || tried > 2 * count) throw new Error('too many tries');
      },
    ),
    { numRuns: 200 },
  );
});

await t.test('FUA is a write and a flush; without it there is no flush', async (t) => {
  const device = new BadSectorDevice('disk', 16);
  const drive = new BlockDrive(device, { serial: 'A' });
  await drive.write(0, new Uint8Array(512), false);
  await drive.write(1, new Uint8Array(512), true);
  t.same(
    device.calls.map((call) => call.verb),
    ['write', 'write', 'flush'],
  );
});

await t.test('a verify reads in pieces of a bounded size', async (t) => {
  const device = new BadSectorDevice('disk', 4000);
  await new BlockDrive(device, { serial: 'A' }).verify(1, 3999);
  t.ok(device.calls.every((call) => call.sectors <= 512));
  t.equal(
    device.calls.reduce((sum, call) => sum + call.sectors, 0),
    3999,
  );
});

await t.test('once a flush has failed no later one claims anything, and SMART says failing', async (t) => {
  const device = new BadSectorDevice('disk', 16);
  const drive = new BlockDrive(device, { serial: 'A' });
  device.flushFails = true;
  t.equal(await endOf(drive.write(0, new Uint8Array(512), true)), 'MEDIUM undefined');
  device.flushFails = false;
  t.equal(await endOf(drive.flush()), 'MEDIUM undefined');
  t.equal(await endOf(drive.write(0, new Uint8Array(512), true)), 'MEDIUM undefined');
  t.equal(await endOf(drive.read(0, new Uint8Array(512))), 'done');
  t.equal(await drive.smartStatus(), 'failing');
});

await t.test('SMART fails after as many errors as set, or when told', async (t) => {
  const device = new BadSectorDevice('disk', 16);
  const drive = new BlockDrive(device, { serial: 'A', failingAfter: 2 });
  device.bad.add(3);
  await endOf(drive.read(3, new Uint8Array(512)));
  t.equal(await drive.smartStatus(), 'good');
  await endOf(drive.read(0, new Uint8Array(16 * 512)));
  t.equal(await drive.smartStatus(), 'failing', 'a command counts once, however many tries it took');
  const told = new BlockDrive(device, { serial: 'B' });
  told.tellHealth('failing');
  t.equal(await told.smartStatus(), 'failing');
});

await t.test(
  'a read-only device aborts writes; one that shrank fails by range; a signal is no fault',
  async (t) => {
    const sealed = new BlockDrive(new MemoryDevice('sealed', 4096, { writable: false }), { serial: 'A' });
    t.equal(await endOf(sealed.write(0, new Uint8Array(512), false)), 'ABORTED undefined');
    t.equal(await sealed.smartStatus(), 'good');
    const shrunk = new MemoryDevice('shrunk', 4096);
    const drive = new BlockDrive(shrunk, { serial: 'A' });
    Object.assign(shrunk.capabilities, { size: 1024 });
    t.equal(await endOf(drive.read(4, new Uint8Array(512))), 'RANGE 4');
    const reason = new Error('stopped');
    const device = new BadSectorDevice('disk', 16);
    device.bad.add(0);
    await t.rejects(
      new BlockDrive(device, { serial: 'A' }).read(1, new Uint8Array(512), AbortSignal.abort(reason)),
      reason,
    );
  },
);
