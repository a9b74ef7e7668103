import t from 'tap';
import { MiB } from '../../../src/base/index.ts';
import { ext4FreeBlocks } from '../../../src/storage/free-blocks.ts';
import { ext4Image, freeBlocksByDumpe2fs } from '../../kit/ext-volume.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

const { signal } = new AbortController();
const shapes: [string, number, number, string[]][] = [
  ['1 KiB blocks, many groups', 24 * MiB, 1024, ['-b', '1024']],
  ['4 KiB blocks', 132 * MiB, 4096, ['-b', '4096']],
  ['no flex_bg', 24 * MiB, 1024, ['-b', '1024', '-O', '^flex_bg']],
  ['meta_bg', 24 * MiB, 1024, ['-b', '1024', '-O', 'meta_bg,^resize_inode']],
  ['sparse_super2', 24 * MiB, 1024, ['-b', '1024', '-O', 'sparse_super2,^resize_inode']],
  ['without group checksums', 24 * MiB, 1024, ['-b', '1024', '-O', '^metadata_csum,^uninit_bg']],
  ['bigalloc', 100 * MiB, 1024, ['-b', '1024', '-O', 'bigalloc', '-C', '16384']],
];

for (const [name, size, blockSize, mkfs] of shapes) {
  await t.test(`${name}: every block is judged as dumpe2fs judges it`, async (t) => {
    const image = await ext4Image({
      size,
      mkfs,
      script: ['write @0 /a', 'mkdir /d', 'write @0 /d/b', 'rm /a'],
      contents: [new Uint8Array(3_000_000).fill(1)],
    });
    const blocks = size / blockSize;
    const wanted = await freeBlocksByDumpe2fs(image, blocks, mkfs.includes('bigalloc') ? 16 : 1);
    const isFree = await ext4FreeBlocks(new MemoryDevice('volume', image), signal);
    const wrong: number[] = [];
    let free = 0;
    for (let block = 0; block < blocks; block += 1) {
      const is = await isFree(block * blockSize, blockSize);
      if (is) free += 1;
      if (is !== (wanted[block] === 1)) wrong.push(block);
    }
    t.same(wrong.slice(0, 20), []);
    t.ok(free > blocks / 2);
  });
}

await t.test('a stretch is free where all of it is, and nothing past the filesystem is', async (t) => {
  const image = await ext4Image({ size: 8 * MiB, mkfs: ['-b', '1024'] });
  const volume = new Uint8Array(9 * MiB);
  volume.set(image);
  const isFree = await ext4FreeBlocks(new MemoryDevice('volume', volume), signal);
  t.ok(await isFree(8 * MiB - 4096, 4096));
  t.notOk(await isFree(8 * MiB - 4096, 4097));
  t.notOk(await isFree(8 * MiB, 1024));
  t.notOk(await isFree(0, 1));
  t.notOk(await isFree(1024, 1024));
});

await t.test('what is no ext filesystem is NS_FS_CORRUPT, not all free', async (t) => {
  await t.rejects(ext4FreeBlocks(new MemoryDevice('volume', MiB), signal), { code: 'NS_FS_CORRUPT' });
});
