import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../src/base/index.ts';
import type { BlockDevice } from '../../../src/ports/index.ts';
import { Overlay } from '../../../src/storage/overlay.ts';
import { blockDeviceContract } from '../../contract/block-device.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

await blockDeviceContract('overlay', async (size) => ({
  device: new Overlay(new MemoryDevice('base', size)),
}));
await blockDeviceContract('overlay that spills at once', async (size) => ({
  device: new Overlay(new MemoryDevice('base', size), {
    memoryLimit: 8192,
    blockSize: 1024,
    spill: new MemoryDevice('spill', size),
  }),
}));

await t.test(
  'whatever is written, the overlay reads as a copy would and the base never changes',
  async () => {
    const size = 20_001;
    const step = fc.record({
      offset: fc.nat(size),
      length: fc.nat(9000),
      fill: fc.integer({ min: 1, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.constantFrom(512, 1024, 4096),
        async (steps, blockSize) => {
          const content = Uint8Array.from({ length: size }, (_, i) => (i * 31) & 0xff);
          const base = new MemoryDevice('base', content.slice(), { writable: false });
          const spill = new MemoryDevice('spill', 32 * 1024);
          const overlay = new Overlay(base, { blockSize, memoryLimit: 2 * blockSize, spill });
          const model = content.slice();
          for (const { offset, length, fill } of steps) {
            const data = new Uint8Array(Math.min(length, size - offset)).fill(fill);
            await overlay.write(offset, data);
            model.set(data, offset);
          }
          const seen = new Uint8Array(size);
          await overlay.read(0, seen);
          const changed = new Set(overlay.changedBlocks());
          for (let i = 0; i < size; i += 1) {
            if (seen[i] !== model[i]) throw new Error(`byte ${i} differs`);
            if (model[i] !== content[i] && !changed.has(Math.floor(i / blockSize)))
              throw new Error('not told');
          }
          return Buffer.from(base.bytes).equals(Buffer.from(content));
        },
      ),
      { numRuns: 60 },
    );
  },
);

await t.test(
  'where neither memory nor spill has room a write is NS_OVERLAY_FULL, and it is remembered',
  async (t) => {
    const overlay = new Overlay(new MemoryDevice('base', 64 * 1024), {
      memoryLimit: 4096,
      spill: new MemoryDevice('spill', 4096),
    });
    await overlay.write(0, new Uint8Array(8192));
    t.notOk(overlay.full);
    await t.rejects(overlay.write(8192, new Uint8Array(1)), { code: 'NS_OVERLAY_FULL' });
    t.ok(overlay.full);
    await overlay.write(100, Uint8Array.of(1));
  },
);

await t.test('a frozen overlay reads and is not written', async (t) => {
  const overlay = new Overlay(new MemoryDevice('base', 8192));
  await overlay.write(5, Uint8Array.of(5));
  await overlay.freeze();
  await t.rejects(overlay.write(6, Uint8Array.of(6)), { code: 'NS_BLOCK_READ_ONLY' });
  const byte = new Uint8Array(1);
  await overlay.read(5, byte);
  t.equal(byte[0], 5);
});

await t.test('a base that fails is reported, and a later write goes on', async (t) => {
  const device = new MemoryDevice('base', 8192);
  let fail = true;
  const base: BlockDevice = {
    name: 'base',
    capabilities: device.capabilities,
    read: (offset, into) =>
      fail ? Promise.reject(new NsError('NS_BLOCK_IO', 'a bad sector')) : device.read(offset, into),
    write: () => Promise.reject(new Error('never')),
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
  };
  const overlay = new Overlay(base);
  await t.rejects(overlay.write(1, Uint8Array.of(1)), { code: 'NS_BLOCK_IO' });
  t.same(overlay.changedBlocks(), []);
  fail = false;
  await overlay.write(1, Uint8Array.of(1));
  t.same(overlay.changedBlocks(), [0]);
});
