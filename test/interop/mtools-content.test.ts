import t from 'tap';
import { KiB } from '../../src/base/index.ts';
import type { FileContent, VolumeEdit } from '../../src/ports/index.ts';
import { Overlay, verifyEdits } from '../../src/storage/index.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { attributes, mtoolsBench, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';

const { directory, editor, image, fsck, dump } = await mtoolsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

const put = (path: string, data: Uint8Array): VolumeEdit => ({
  edit: 'put-file',
  path,
  // In no file that a tool could read.
  content: { size: data.byteLength, data: new MemoryDevice('content', data) } satisfies FileContent,
  attributes,
  replace: false,
});

for (const [format, options, kib] of [
  ['FAT12', ['-F', '12', '-s', '1'], 1000],
  ['FAT16', ['-F', '16', '-s', '1'], 4200],
  ['FAT32', ['-F', '32', '-s', '1'], 34_000],
] as const) {
  await t.test(
    `content takes free clusters, in pieces, and none where there are too few: ${format}`,
    async (t) => {
      const names = Array.from({ length: 6 }, (_, i) => `/fill ${i}`);
      const volume = await image(options, kib, [
        ['/d'],
        ...names.map((name) => [name, noise(3000, 1)] as const),
      ]);
      const overlay = new Overlay(new MemoryDevice('disk0p1', volume, { writable: false }), {
        blockSize: 512,
      });
      const large = noise(64 * KiB + 7, 2);
      const edits: VolumeEdit[] = [
        ...names.filter((_, i) => i % 2 === 0).map((path): VolumeEdit => ({ edit: 'remove-file', path })),
        put('/d/large, and long', large),
        put('/d/none', new Uint8Array(0)),
      ];
      t.match(await editor.edit(overlay, 'vfat', edits, TIME, signal), { ok: true });
      await verifyEdits(overlay, 'vfat', edits, signal);
      t.ok(overlay.placedRuns.length > 2, 'in pieces, and not copied');
      const after = new Uint8Array(overlay.capabilities.size);
      await overlay.read(0, after);
      t.equal(await fsck(after), '');
      t.same(await dump(after, '/d/large, and long'), large);
      const tooLarge = put('/d/huge', new Uint8Array(kib * KiB));
      const full = new Overlay(new MemoryDevice('disk0p1', volume, { writable: false }), { blockSize: 512 });
      t.match(await editor.edit(full, 'vfat', [tooLarge], TIME, signal), { refusal: { code: 'NO_SPACE' } });
    },
  );
}
