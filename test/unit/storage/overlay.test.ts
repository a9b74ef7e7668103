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
    await overlay.write(0, new Uint8Array(8192).fill(1));
    t.notOk(overlay.full);
    await t.rejects(overlay.write(8192, Uint8Array.of(1)), { code: 'NS_OVERLAY_FULL' });
    t.ok(overlay.full);
    await overlay.write(100, Uint8Array.of(1));
    await overlay.write(16_384, new Uint8Array(4096));
    t.same(overlay.changedBlocks(), [0, 1, 4], 'zeros take no room');
  },
);

await t.test('content that is placed reads as if it had been written, and takes no room', async () => {
  const size = 20_001;
  const from = Uint8Array.from({ length: 9000 }, (_, i) => (i * 7 + 1) & 0xff);
  const content = { size: from.byteLength, data: new MemoryDevice('content', from) };
  const step = fc.record({
    offset: fc.nat(size),
    length: fc.nat(9000),
    /** Where in the content it begins; written bytes where there is none. */
    at: fc.option(fc.nat(10_000)),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.constantFrom(512, 1024),
      async (steps, blockSize) => {
        const base = new MemoryDevice('base', new Uint8Array(size).fill(9), { writable: false });
        const overlay = new Overlay(base, { blockSize });
        const model = new Uint8Array(size).fill(9);
        const touched = new Set<number>();
        for (const { offset, length: wanted, at } of steps) {
          const length = Math.min(wanted, size - offset);
          if (at === null) await overlay.write(offset, new Uint8Array(length).fill(3));
          else await overlay.place(offset, length, content, at);
          for (let i = 0; i < length; i += 1) model[offset + i] = at === null ? 3 : (from[at + i] ?? 0);
          for (let i = 0; i < length; i += 1) touched.add(Math.floor((offset + i) / blockSize));
        }
        const seen = new Uint8Array(size);
        await overlay.read(0, seen);
        if (!Buffer.from(seen).equals(model)) throw new Error('it reads otherwise');
        const blocks = overlay.changedBlocks();
        if (blocks.join() !== [...touched].sort((a, b) => a - b).join())
          throw new Error('other blocks changed');
        const told = new Uint8Array(size).fill(5);
        await overlay.readAround(0, told, (which, start, part) => {
          for (let i = 0; i < part.byteLength; i += 1)
            part[i] = which.data === content.data ? (from[start + i] ?? 0) : 6;
        });
        if (!Buffer.from(told).equals(model)) throw new Error('it tells of other content than it reads');
      },
    ),
    { numRuns: 200 },
  );
});

await t.test('a content far larger than the memory and the spill can be placed', async (t) => {
  const size = 64 * 1024 * 1024;
  const content = { size, data: new MemoryDevice('content', 0) };
  const overlay = new Overlay(new MemoryDevice('base', size), { memoryLimit: 4096 });
  await overlay.place(0, size, content, 0);
  t.notOk(overlay.full);
  t.same([...overlay.changedRuns(1024)].length, 16);
});

await t.test('a frozen overlay reads and is not written', async (t) => {
  const overlay = new Overlay(new MemoryDevice('base', 8192));
  await overlay.write(5, Uint8Array.of(5));
  await overlay.freeze();
  await t.rejects(overlay.write(6, Uint8Array.of(6)), { code: 'NS_BLOCK_READ_ONLY' });
  const byte = new Uint8Array(1);
  await overlay.read(5, byte);
  t.equal(byte[0], 5);
});

await t.test('others have their turn before each read, and may stop it', async (t) => {
  const stop = new AbortController();
  let turns = 0;
  const overlay = new Overlay(new MemoryDevice('base', 8192), {
    breathe: async () => {
      turns += 1;
      if (turns === 3) stop.abort(new Error('the host wakes'));
    },
  });
  await overlay.write(0, new Uint8Array(4096).fill(1));
  const into = new Uint8Array(100);
  await overlay.read(0, into, stop.signal);
  await overlay.read(0, into, stop.signal);
  await t.rejects(overlay.read(0, into, stop.signal), { message: 'the host wakes' });
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
