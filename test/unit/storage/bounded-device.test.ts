import fc from 'fast-check';
import t from 'tap';
import { boundedDevice } from '../../../src/storage/index.ts';
import { blockDeviceContract } from '../../contract/block-device.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

await blockDeviceContract('a stretch of a disk', async (size) => ({
  device: boundedDevice(new MemoryDevice('disk0', size + 8192), 4096, size, 'disk0p1'),
}));

await t.test('nothing outside the stretch is ever read or changed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(900),
      fc.nat(300),
      fc.integer({ min: -1100, max: 1100 }),
      fc.nat(400),
      async (start, length, at, count) => {
        const disk = new MemoryDevice('disk0', 1024);
        disk.bytes.fill(7);
        if (start + length > 1024) return;
        const part = boundedDevice(disk, start, length, 'disk0p1');
        disk.bytes.fill(1, start, start + length);
        const fits = at >= 0 && at + count <= length;
        const data = new Uint8Array(count).fill(9);
        const wrote = await part.write(at, data).then(
          () => true,
          () => false,
        );
        const into = new Uint8Array(count);
        const read = await part.read(at, into).then(
          () => true,
          () => false,
        );
        const outside = disk.bytes.every((byte, i) => (i >= start && i < start + length) || byte === 7);
        if (wrote !== fits || read !== fits || !outside || into.includes(7)) throw new Error('it escapes');
      },
    ),
    { numRuns: 1000 },
  );
});

await t.test('a stretch that does not lie on its device cannot be made', async (t) => {
  const disk = new MemoryDevice('disk0', 4096);
  for (const [start, length] of [
    [0, 4097],
    [4096, 1],
    [-1, 1],
    [1, -1],
    [0.5, 1],
    [2 ** 53, 1],
    [Number.NaN, 1],
  ] as const) {
    t.throws(() => boundedDevice(disk, start, length, 'disk0p1'), { code: 'NS_BLOCK_RANGE' });
  }
});
