import t from 'tap';
import { alignedTo } from '../../../../src/adapters/nbd/aligned-device.ts';
import { bytes } from '../../../../src/base/index.ts';
import type { BlockDevice } from '../../../../src/ports/index.ts';
import { blockDeviceContract } from '../../../contract/block-device.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

/** Refuses whatever is no whole number of blocks, and takes a turn of the loop for everything. */
function strict(size: number, block: number): BlockDevice {
  const inner = new MemoryDevice('disk0', size);
  const check = async (offset: number, length: number): Promise<void> => {
    if (offset % block !== 0 || length % block !== 0)
      throw new Error(`${length} at ${offset} is not aligned`);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    name: inner.name,
    capabilities: { ...inner.capabilities, trim: true },
    async read(offset, into, signal) {
      await check(offset, into.byteLength);
      await inner.read(offset, into, signal);
    },
    async write(offset, data, signal) {
      await check(offset, data.byteLength);
      await inner.write(offset, data, signal);
    },
    flush: () => inner.flush(),
    async trim(offset, length) {
      await check(offset, length);
      inner.bytes.fill(0xee, offset, offset + length);
    },
    extents: async (offset, length) => {
      await check(offset, length);
      return [
        { length: block, allocated: false, zero: true },
        { length: length - block, allocated: true, zero: false },
      ].filter((extent) => extent.length > 0);
    },
    close: () => inner.close(),
  };
}

for (const block of [512, 4096]) {
  await blockDeviceContract(`blocks of ${block}`, async (size) => ({
    device: alignedTo(block, strict(size, block)),
  }));
}

await t.test('writes to parts of one block at the same time are all kept', async (t) => {
  const device = alignedTo(4096, strict(65_536, 4096));
  const jobs = Array.from({ length: 64 }, (_, i) => device.write(i * 129, new Uint8Array(129).fill(i + 1)));
  jobs.push(device.write(12_288, new Uint8Array(4096).fill(200)));
  await Promise.all(jobs);
  const back = new Uint8Array(64 * 129);
  await device.read(0, back);
  t.ok(back.every((byte, at) => byte === Math.floor(at / 129) + 1));
});

await t.test('trim takes whole blocks alone, and runs are cut to what was asked', async (t) => {
  const device = alignedTo(512, strict(8192, 512));
  await device.trim(100, 1000);
  await device.trim(2000, 40);
  const back = new Uint8Array(8192);
  await device.read(0, back);
  t.same(
    [...back.keys()].filter((at) => back[at] !== 0),
    Array.from({ length: 512 }, (_, i) => 512 + i),
  );
  t.same(await device.extents?.(100, 1000), [
    { length: 412, allocated: false, zero: true },
    { length: 588, allocated: true, zero: false },
  ]);
});

await t.test('a device without blocks is itself', async (t) => {
  const device = new MemoryDevice('disk0', bytes(512));
  t.equal(alignedTo(1, device), device);
});
