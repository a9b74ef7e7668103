import t from 'tap';
import { bytes, equalBytes, MiB, NsError } from '../../src/base/index.ts';
import type { BlockDevice, FileContent, VolumeEdit } from '../../src/ports/index.ts';
import { Overlay, openExt4, verifyEdits } from '../../src/storage/index.ts';
import { attributes, e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { dumpFile, e2fsck, ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, editor } = await e2fsprogsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

const contentOf = (data: Uint8Array): FileContent => ({
  size: data.byteLength,
  data: new MemoryDevice('content', data),
});
const put = (path: string, content: FileContent, replace = false): VolumeEdit => ({
  edit: 'put-file',
  path,
  content,
  attributes,
  replace,
});
async function imageOf(overlay: Overlay): Promise<Uint8Array> {
  const whole = new Uint8Array(overlay.capabilities.size);
  await overlay.read(0, whole);
  return whole;
}
/** A volume whose free space lies in pieces of a few blocks. */
const pieces = async (size: number, mkfs: readonly string[]): Promise<Uint8Array> => {
  const all = Array.from({ length: 300 }, (_, i) => i);
  return ext4Image({
    size,
    mkfs,
    script: [
      ...all.map((i) => `write @0 /fill-${i}`),
      ...all.filter((i) => i % 2 === 0).map((i) => `rm /fill-${i}`),
    ],
    contents: [noise(9000, 4)],
  });
};

const kinds: [string, string[]][] = [
  ['ext2, 1 KiB blocks', ['-t', 'ext2', '-b', '1024']],
  ['ext3, small inodes', ['-t', 'ext3', '-b', '1024', '-I', '128']],
  ['1 KiB blocks', ['-b', '1024']],
  ['clusters of 16 KiB', ['-b', '4096', '-O', 'bigalloc', '-C', '16384']],
  ['inline data and no checksums', ['-b', '1024', '-O', 'inline_data,^metadata_csum']],
];
for (const [name, mkfs] of kinds) {
  await t.test(
    `content gets its blocks from debugfs and its bytes from us: ${name}, in pieces`,
    async (t) => {
      const image = await pieces(name.startsWith('clusters') ? 32 * MiB : 8 * MiB, mkfs);
      const overlay = new Overlay(new MemoryDevice('disk0p1', image, { writable: false }), {
        blockSize: 1024,
        // Too little for the content.
        memoryLimit: MiB / 2,
      });
      const [large, small] = [noise(2 * MiB + 333, 1), noise(7, 2)];
      const edits = [
        put('/large', contentOf(large)),
        put('/small', contentOf(small)),
        put('/none', contentOf(new Uint8Array(0))),
        put('/fill-1', contentOf(small), true),
      ];
      t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
      await verifyEdits(overlay, 'ext4', edits, signal);
      const after = await imageOf(overlay);
      t.match(await e2fsck(after), { status: 0 });
      t.ok(equalBytes((await dumpFile(after, '/large')) ?? small, large));
      t.same(await dumpFile(after, '/small'), small);
      t.same(await dumpFile(after, '/fill-1'), small);
      t.same(await dumpFile(after, '/none'), new Uint8Array(0));
    },
  );
}

await t.test('a file larger than its volume has holes where its content has them', async (t) => {
  const size = 6 * 1024 * MiB;
  const pieces = [
    { at: 0, data: noise(5000, 1) },
    { at: 4 * 1024 * MiB - 2000, data: noise(4000, 2) },
    { at: size - 100, data: noise(100, 3) },
  ];
  const data: BlockDevice = {
    name: 'sparse',
    capabilities: { size: bytes(size), sectorSize: bytes(512), writable: false, trim: false },
    read: async (offset, into) => {
      into.fill(0);
      for (const { at, data: piece } of pieces) {
        for (let i = 0; i < piece.byteLength; i += 1) {
          const to = at + i - offset;
          if (to >= 0 && to < into.byteLength) into[to] = piece[i]!;
        }
      }
    },
    write: () => Promise.reject(new Error('a content is only read')),
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
    extents: async (offset, length) => {
      const piece = pieces.find(({ at, data: held }) => at + held.byteLength > offset);
      const start = piece?.at ?? size;
      return start > offset
        ? [{ length: Math.min(length, start - offset), allocated: false, zero: true }]
        : [
            {
              length: Math.min(length, start + (piece?.data.byteLength ?? 0) - offset),
              allocated: true,
              zero: false,
            },
          ];
    },
  };
  const image = await ext4Image({ size: 8 * MiB, mkfs: ['-b', '4096'] });
  const overlay = new Overlay(new MemoryDevice('disk0p1', image));
  const edits = [put('/sparse', { size, data })];
  t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
  await verifyEdits(overlay, 'ext4', edits, signal);
  t.match(await e2fsck(await imageOf(overlay)), { status: 0 });
  const opened = await (await openExt4(overlay)).open('/sparse');
  if (!opened.ok) throw new Error(opened.refusal.sentence);
  t.equal(opened.value.stat.size, size);
  for (const { at, data: piece } of pieces) {
    const there = new Uint8Array(piece.byteLength);
    t.equal(await opened.value.read(at, there), there.byteLength);
    t.same(there, piece);
  }
  const runs = (await opened.value.extents?.(0, size)) ?? [];
  t.equal(
    runs.reduce((sum, { length, allocated }) => sum + (allocated ? length : 0), 0),
    8192 + 8192 + 4096,
  );
});

await t.test('a volume that is too full refuses, whatever of it was tried', async (t) => {
  const image = await pieces(8 * MiB, ['-b', '1024']);
  const overlay = new Overlay(new MemoryDevice('disk0p1', image, { writable: false }), { blockSize: 1024 });
  t.match(await editor.edit(overlay, 'ext4', [put('/large', contentOf(noise(8 * MiB, 1)))], TIME, signal), {
    ok: false,
    refusal: { code: 'NO_SPACE' },
  });
});

await t.test('what was placed elsewhere than its file has it is found out', async (t) => {
  const image = await ext4Image({ size: 8 * MiB, mkfs: ['-b', '4096'] });
  const content = contentOf(noise(100_000, 1));
  const edits = [put('/x', content)];
  for (const wrong of ['other bytes', 'other content', 'shifted']) {
    const overlay = new Overlay(new MemoryDevice('disk0p1', image));
    t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
    await verifyEdits(overlay, 'ext4', edits, signal);
    const [run] = overlay.placedRuns;
    const at = (run?.start ?? 0) * 4096 + 8192;
    if (wrong === 'other bytes') await overlay.write(at, Uint8Array.of(1, 2, 3));
    else if (wrong === 'shifted') await overlay.place(at, 4096, content, 4096);
    else await overlay.place(at, 4096, contentOf(noise(100_000, 2)), 8192);
    await t.rejects(verifyEdits(overlay, 'ext4', edits, signal), { code: 'NS_EDIT_NOT_MADE' }, wrong);
  }
});

await t.test('a content that cannot be read ends the edit with its own fault', async (t) => {
  const image = await ext4Image({ size: 8 * MiB, mkfs: ['-b', '4096'] });
  const overlay = new Overlay(new MemoryDevice('disk0p1', image), { blockSize: 4096 });
  const data = new MemoryDevice('content', 50_000);
  const broken: BlockDevice = {
    name: 'content',
    capabilities: data.capabilities,
    read: () => Promise.reject(new NsError('NS_BLOCK_IO', 'own storage is gone')),
    write: async () => {},
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
  };
  const edits = [put('/x', { size: 50_000, data: broken })];
  t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
  await t.rejects(imageOf(overlay), { code: 'NS_BLOCK_IO' });
});
