import { randomBytes } from 'node:crypto';
import { mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { GiB, MiB } from '../../../../src/base/index.ts';
import type { BlockDevice, FileSystem, OpenFile } from '../../../../src/ports/index.ts';
import { groupOverhead, groupStart } from '../../../../src/storage/ext4/layout.ts';
import { openExt4, openExt4Geometry } from '../../../../src/storage/index.ts';
import { debugfs, makeExt4, run, scratch } from '../../../kit/disk-tools.ts';

const place = await scratch();
t.teardown(() => place.remove());
const image = join(place.dir, 'image');

async function openImage(): Promise<{ fs: FileSystem; device: BlockDevice }> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  return { fs: await openExt4(device), device };
}

async function mustOpen(fs: FileSystem, path: string): Promise<OpenFile> {
  const file = await fs.open(path);
  if (!file.ok) throw new Error(file.refusal.sentence);
  return file.value;
}

const code = (verdict: { ok: boolean; refusal?: { code: string } }): string => verdict.refusal?.code ?? 'ok';

await t.test('sizes and offsets past 4 GiB are kept', async (t) => {
  const tree = join(place.dir, 'tree');
  await mkdir(tree);
  const sparse = await open(join(tree, 'sparse'), 'w');
  await sparse.write(Buffer.from('begin'), 0, 5, 0);
  await sparse.write(Buffer.from('past four'), 0, 9, 4 * GiB + 5);
  await sparse.write(Buffer.from('end'), 0, 3, 6 * GiB - 3);
  await sparse.close();
  await makeExt4({ path: image, size: 32 * MiB, content: tree });
  const { fs, device } = await openImage();
  const file = await mustOpen(fs, '/sparse');
  t.equal(file.stat.size, 6 * GiB);
  const text = async (at: number, length: number): Promise<string> => {
    const into = new Uint8Array(length).fill(1);
    const count = await file.read(at, into);
    return Buffer.from(into.subarray(0, count)).toString('latin1');
  };
  t.equal(await text(0, 6), 'begin\0');
  t.equal(await text(5, 9), '\0'.repeat(9));
  t.equal(await text(4 * GiB + 4, 11), '\0past four\0');
  t.equal(await text(6 * GiB - 4, 100), '\0end');
  t.equal(await text(2 * GiB, 64 * MiB), '\0'.repeat(64 * MiB));
  await device.close();
});

await t.test('space set aside but never written reads as zeros', async (t) => {
  await makeExt4({ path: image, size: 16 * MiB });
  const noise = join(place.dir, 'noise');
  await writeFile(noise, randomBytes(12 * MiB));
  const word = join(place.dir, 'word');
  await writeFile(word, 'word');
  await debugfs(image, [
    `write ${noise} noise`,
    'rm noise',
    `write ${word} f`,
    'fallocate f 1 300',
    'sif f size 1000000',
  ]);
  const { fs, device } = await openImage();
  const file = await mustOpen(fs, '/f');
  const into = new Uint8Array(1_000_000).fill(1);
  t.equal(await file.read(0, into), 1_000_000);
  t.equal(Buffer.from(into.subarray(0, 4)).toString(), 'word');
  t.ok(into.subarray(4).every((byte) => byte === 0));
  await device.close();
});

await t.test('owners past 16 bits and times past 2038 are kept', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB });
  const word = join(place.dir, 'word');
  await writeFile(word, 'word');
  await debugfs(image, [
    `write ${word} f`,
    'sif f uid 70000',
    'sif f gid 4000000000',
    'sif f mode 0104755',
    'sif f mtime @5000000000',
    'sif f ctime @0x80000000',
  ]);
  const { fs, device } = await openImage();
  const stat = await fs.stat('/f', false);
  t.match(stat.ok && stat.value, {
    uid: 70000,
    gid: 4000000000,
    mode: 0o4755,
    mtime: 5000000000,
    ctime: 0x80000000,
  });
  await device.close();
});

await t.test('special files are told apart and cannot be opened', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB });
  await debugfs(image, ['mknod pipe p', 'mknod chr c 1 3', 'mknod blk b 8 0', 'mkdir d', 'symlink l /']);
  const { fs, device } = await openImage();
  for (const [path, kind, refused] of [
    ['/pipe', 'fifo', 'NOT_A_FILE'],
    ['/chr', 'character', 'NOT_A_FILE'],
    ['/blk', 'block', 'NOT_A_FILE'],
    ['/d', 'directory', 'IS_A_DIRECTORY'],
    ['/l', 'symlink', 'IS_A_DIRECTORY'],
  ] as const) {
    const stat = await fs.stat(path, false);
    t.equal(stat.ok && stat.value.kind, kind);
    t.equal(code(await fs.open(path)), refused);
  }
  t.equal(code(await fs.list('/pipe')), 'NOT_A_DIRECTORY');
  t.equal(code(await fs.stat('/pipe/x', false)), 'NOT_A_DIRECTORY');
  t.equal(code(await fs.stat('/d/x', false)), 'NO_SUCH_FILE');
  t.equal(code(await fs.stat(`/${'n'.repeat(300)}`, false)), 'NO_SUCH_FILE');
  await device.close();
});

await t.test('encrypted and case-folding directories are refused by name', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB, options: ['-O', 'encrypt,casefold'] });
  await debugfs(image, [
    'mkdir secret',
    'mkdir folded',
    'sif secret flags 0x80800',
    'sif folded flags 0x40080000',
  ]);
  const { fs, device } = await openImage();
  t.equal(code(await fs.list('/secret')), 'FILE_UNSUPPORTED');
  t.equal(code(await fs.stat('/secret/x', false)), 'FILE_UNSUPPORTED');
  t.equal(code(await fs.list('/folded')), 'FILE_UNSUPPORTED');
  t.equal(code(await fs.stat('/secret', false)), 'ok');
  await device.close();
});

await t.test('the geometry is the one that dumpe2fs prints', async (t) => {
  for (const options of [
    ['-b', '1024'],
    ['-b', '1024', '-O', 'meta_bg,^resize_inode'],
    ['-b', '1024', '-O', '^flex_bg,^metadata_csum'],
    ['-b', '1024', '-O', 'sparse_super2,^resize_inode'],
    ['-t', 'ext2', '-b', '1024', '-O', '^sparse_super,^resize_inode'],
    ['-b', '1024', '-O', 'bigalloc', '-C', '16384'],
    ['-b', '4096', '-g', '1024'],
  ]) {
    await makeExt4({ path: image, size: 300 * MiB, options });
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    const geometry = await openExt4Geometry(device);
    const dump = await run('dumpe2fs', [image]);
    const groups = dump.split(/\nGroup (?=\d+:)/).slice(1);
    t.equal(geometry.layout.groups, groups.length, options.join(' '));
    for (const [number, text] of groups.entries()) {
      const group = await geometry.group(number);
      const at = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
      t.same(
        [group.blockBitmap, group.inodeBitmap, group.inodeTable, group.blockUninit],
        [
          at(/Block bitmap at (\d+)/),
          at(/Inode bitmap at (\d+)/),
          at(/Inode table at (\d+)/),
          /^.*BLOCK_UNINIT/.test(text.split('\n')[0] ?? ''),
        ],
        `group ${number}`,
      );
      const ends = [
        /superblock at (\d+)/,
        /Group descriptors? at (?:\d+-)?(\d+)/,
        /Reserved GDT blocks at (?:\d+-)?(\d+)/,
      ].map((pattern) => at(pattern) + 1);
      const start = groupStart(geometry.layout, number);
      const overhead = Math.max(start, ...ends.filter((end) => !Number.isNaN(end))) - start;
      t.equal(groupOverhead(geometry.layout, number), overhead, `head of group ${number}`);
    }
    await device.close();
  }
});

await t.test('a device that is too short, or holds nothing, is named corrupt', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB });
  await truncate(image, 4 * MiB);
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  await t.rejects(openExt4(device), { code: 'NS_FS_CORRUPT', family: 'peer' });
  await device.close();
  await truncate(image, 512);
  const tiny = await openFileDevice(image, { name: 'disk0', writable: false });
  await t.rejects(openExt4(tiny), { code: 'NS_FS_CORRUPT' });
  await tiny.close();
});

await t.test('a reading can be stopped', async (t) => {
  await makeExt4({ path: image, size: 8 * MiB });
  const { fs, device } = await openImage();
  await t.rejects(fs.stat('/lost+found', false, AbortSignal.abort()), { name: 'AbortError' });
  await device.close();
});
