import fc from 'fast-check';
import t from 'tap';
import { BlockDrive, openChainDevice, type SataTarget } from '../../../../src/sata-chain/index.ts';
import { blockDeviceContract } from '../../../contract/block-device.ts';
import { BadSectorDevice } from '../../../kit/bad-sectors.ts';
import { noise } from '../../../kit/noise.ts';
import { routerChain } from '../../../kit/router-chain.ts';

await blockDeviceContract('a chain of three drives', async (size) => ({
  device: await openChainDevice('chain', routerChain([size / 512 - 40, 9, 31]).head),
}));
await blockDeviceContract('a drive with sectors of 4096 bytes', async (size) => ({
  device: await openChainDevice(
    'drive',
    new BlockDrive(new BadSectorDevice('disk', size / 4096, 4096), { serial: 'A' }),
  ),
}));

/** The same target, each command delayed by some turns of the event loop. */
function slow(target: SataTarget, turns: () => number): SataTarget {
  const wait = async (): Promise<void> => {
    for (let i = turns(); i > 0; i -= 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return {
    identify: () => target.identify(),
    read: async (lba, into) => {
      await wait();
      await target.read(lba, into);
      await wait();
    },
    write: async (lba, data, fua) => {
      await wait();
      await target.write(lba, data, fua);
      await wait();
    },
    verify: (lba, count) => target.verify(lba, count),
    trim: (ranges) => target.trim(ranges),
    flush: () => target.flush(),
    smartStatus: () => target.smartStatus(),
  };
}

await t.test('writes of neighbouring bytes, whole and part sectors at once, are all kept', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(8 * 512), { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(4), { minLength: 3, maxLength: 40 }),
      async (cuts, delays) => {
        let turn = 0;
        const { head, devices } = routerChain([3, 5]);
        const device = await openChainDevice(
          'chain',
          slow(head, () => delays[turn++ % delays.length]!),
          { largestCommand: 1024 },
        );
        const borders = [0, ...cuts.toSorted((a, b) => a - b), 8 * 512];
        const whole = noise(8 * 512, 3);
        await Promise.all(
          borders.slice(1).map((end, i) => device.write(borders[i]!, whole.slice(borders[i]!, end))),
        );
        const seen = Buffer.concat(devices.map((one) => one.bytes));
        if (!seen.equals(whole)) throw new Error('a neighbour was lost');
      },
    ),
    { numRuns: 150 },
  );
});

await t.test('a whole sector written while a part of it is being changed is not lost', async (t) => {
  const disk = new BadSectorDevice('disk', 2);
  const device = await openChainDevice(
    'drive',
    slow(new BlockDrive(disk, { serial: 'A' }), () => 2),
  );
  const patch = device.write(10, Uint8Array.of(1));
  const over = device.write(0, new Uint8Array(512).fill(7));
  await Promise.all([patch, over]);
  t.equal(disk.bytes.filter((byte) => byte === 7).length >= 511, true);
});

await t.test('requests become commands of a bounded size, whole sectors go straight', async (t) => {
  const disk = new BadSectorDevice('disk', 5000);
  const device = await openChainDevice('drive', new BlockDrive(disk, { serial: 'A' }), {
    largestCommand: 64 * 1024,
  });
  await device.write(512, new Uint8Array(4000 * 512));
  t.ok(disk.calls.every((call) => call.verb === 'write' && call.sectors <= 128));
  t.equal(
    disk.calls.reduce((sum, call) => sum + call.sectors, 0),
    4000,
  );
});

await t.test('what the target fails is NS_BLOCK_IO, with the fault as its cause', async (t) => {
  const disk = new BadSectorDevice('disk', 16);
  disk.bad.add(3);
  disk.flushFails = true;
  const device = await openChainDevice('drive', new BlockDrive(disk, { serial: 'A' }));
  const read = await device.read(512, new Uint8Array(4096)).catch((error: unknown) => error);
  t.match(read, { code: 'NS_BLOCK_IO', cause: { code: 'NS_ATA_MEDIUM', lba: 3 } });
  await t.rejects(device.write(3 * 512 + 1, Uint8Array.of(1)), { code: 'NS_BLOCK_IO' });
  await t.rejects(device.flush(), { code: 'NS_BLOCK_IO' });
  const sealed = await openChainDevice('drive', new BlockDrive(disk, { serial: 'A' }), { writable: false });
  await t.rejects(sealed.write(0, Uint8Array.of(1)), { code: 'NS_BLOCK_READ_ONLY' });
});

await t.test('a trim takes whole sectors only', async (t) => {
  const disk = new BadSectorDevice('disk', 16);
  disk.bytes.fill(5);
  const device = await openChainDevice('drive', new BlockDrive(disk, { serial: 'A' }));
  await device.trim(500, 1100);
  t.ok(disk.bytes.every((byte, at) => byte === (at >= 512 && at < 1536 ? 0 : 5)));
  await device.trim(513, 600);
  await device.trim(10, 5);
  t.ok(disk.bytes.every((byte, at) => byte === (at >= 512 && at < 1536 ? 0 : 5)));
});

await t.test('a write that waits for another to the same sector can be stopped', async (t) => {
  const disk = new BlockDrive(new BadSectorDevice('disk', 2), { serial: 'A' });
  let release: (() => void) | undefined;
  const stuck: SataTarget = {
    ...slow(disk, () => 0),
    write: () => new Promise<void>((resolve) => (release = resolve)),
  };
  const device = await openChainDevice('drive', stuck);
  const first = device.write(0, Uint8Array.of(1));
  const stop = new AbortController();
  const second = device.write(1, Uint8Array.of(1), stop.signal);
  await new Promise<void>((resolve) => setImmediate(resolve));
  const reason = new Error('stopped');
  stop.abort(reason);
  await t.rejects(second, reason);
  release?.();
  await first;
});
