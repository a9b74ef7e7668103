import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { MiB } from '../../../../src/base/index.ts';

type Tap = Pick<typeof t, 'same' | 'equal' | 'fail'>;

import type { FileSystem } from '../../../../src/ports/index.ts';
import { openExt4 } from '../../../../src/storage/index.ts';
import { hashOf, makeExt4, scratch, sha256 } from '../../../kit/disk-tools.ts';

const LARGE_DIRECTORY = 700;

/** Formats in which the large directory gets a hash index too. */
const HASHED = [
  'ext4, 4 KiB blocks',
  'ext4, 1 KiB blocks',
  'ext4 with neither',
  'ext4 with large_dir and encrypt',
  'ext3',
];

async function plant(root: string): Promise<void> {
  await mkdir(root);
  await writeFile(join(root, 'empty'), '');
  await writeFile(join(root, 'tiny'), 'forty bytes that fit into an inode alone');
  await writeFile(join(root, 'small'), randomBytes(120));
  await writeFile(join(root, 'large'), randomBytes(3 * MiB + 17), { mode: 0o640 });
  await writeFile(join(root, 'ünïcödé ☃ 🚀'), 'unicode');
  await writeFile(join(root, 'n'.repeat(255)), 'the longest name');
  await writeFile(join(root, '-leading "quotes" \'and\' spaces'), 'quoted');
  await writeFile(Buffer.concat([Buffer.from(join(root, 'latin')), Buffer.from([0xe9, 0xff])]), 'latin-1');
  const sparse = await open(join(root, 'sparse'), 'w');
  await sparse.write(Buffer.from('begin'), 0, 5, 0);
  await sparse.write(Buffer.from('middle'), 0, 6, 2 * MiB + 5);
  await sparse.write(Buffer.from('end'), 0, 3, 5 * MiB);
  await sparse.close();
  const deep = join(root, ...Array.from({ length: 40 }, (_, i) => `level-${i}`));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'bottom'), 'bottom');
  await mkdir(join(root, 'many'));
  for (let i = 0; i < LARGE_DIRECTORY; i += 1) await writeFile(join(root, 'many', `file-number-${i}`), '');
  await mkdir(join(root, 'links'));
  await symlink('../tiny', join(root, 'links', 'fast'));
  await symlink(`../${'./'.repeat(40)}tiny`, join(root, 'links', 'slow'));
  await symlink('/links/fast', join(root, 'links', 'absolute'));
  await symlink('../../../../../../tiny', join(root, 'links', 'above'));
  await symlink('/etc/passwd', join(root, 'links', 'outside'));
  await symlink('loop', join(root, 'links', 'loop'));
}

/** Compares every file, directory and link below a directory with the same one on the volume. */
async function compare(t: Tap, fs: FileSystem, root: string, path = '/'): Promise<number> {
  const local = await readdir(join(root, path), { encoding: 'buffer' });
  const listed = await fs.list(path);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  const names = new Map<string, string | undefined>();
  for await (const entry of listed.value) names.set(Buffer.from(entry.rawName).toString('hex'), entry.name);
  names.delete(Buffer.from('lost+found').toString('hex'));
  t.same([...names.keys()].sort(), local.map((name) => name.toString('hex')).sort(), `names in ${path}`);
  let count = 0;
  for (const name of names.values()) {
    if (name === undefined) continue;
    const at = path === '/' ? `/${name}` : `${path}/${name}`;
    const [verdict, truth] = [await fs.stat(at, false), await lstat(join(root, at))];
    if (!verdict.ok) throw new Error(verdict.refusal.sentence);
    const stat = verdict.value;
    const kind = truth.isDirectory() ? 'directory' : truth.isSymbolicLink() ? 'symlink' : 'file';
    if (
      stat.kind !== kind ||
      stat.mode !== (truth.mode & 0o7777) ||
      stat.mtime !== Math.floor(truth.mtimeMs / 1000) ||
      (kind !== 'directory' && stat.size !== truth.size)
    ) {
      t.fail(`${at} differs`, { stat, truth });
    }
    count += 1;
    if (kind === 'directory') count += await compare(t, fs, root, at);
    if (kind === 'symlink') t.equal(stat.target, await readlink(join(root, at)), at);
    if (kind === 'file' && truth.size > 0) {
      const file = await fs.open(at);
      if (!file.ok) throw new Error(file.refusal.sentence);
      t.equal(await hashOf(file.value), sha256(await readFile(join(root, at))), `contents of ${at}`);
    }
  }
  return count;
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  'ext4, 4 KiB blocks': ['-b', '4096'],
  'ext4, 2 KiB blocks': ['-b', '2048'],
  'ext4, 1 KiB blocks': ['-b', '1024'],
  'ext4, 64 KiB blocks': ['-b', '65536'],
  'ext4 without 64bit': ['-O', '^64bit'],
  'ext4 without metadata_csum': ['-O', '^metadata_csum,uninit_bg'],
  'ext4 with neither': ['-O', '^metadata_csum,^64bit,^uninit_bg'],
  'ext4 with a checksum seed': ['-O', 'metadata_csum_seed'],
  'ext4 with inline data': ['-O', 'inline_data', '-I', '512'],
  'ext4 with 128-byte inodes': ['-I', '128'],
  'ext4 with 1 KiB inodes': ['-I', '1024'],
  'ext4 with large_dir and encrypt': ['-O', 'large_dir,encrypt,verity'],
  'ext4 with meta_bg': ['-b', '1024', '-O', 'meta_bg,^resize_inode'],
  'ext4 with bigalloc': ['-O', 'bigalloc', '-C', '65536'],
  'ext4 with bigalloc and 1 KiB blocks': ['-b', '1024', '-O', 'bigalloc', '-C', '16384'],
  'ext4 with sparse_super2': ['-O', 'sparse_super2,^resize_inode'],
  'ext4 without flex_bg': ['-b', '1024', '-O', '^flex_bg'],
  ext3: ['-t', 'ext3', '-b', '1024'],
  ext2: ['-t', 'ext2', '-b', '1024'],
  'ext2 without file types': ['-t', 'ext2', '-b', '4096', '-O', '^filetype'],
};

const place = await scratch();
t.teardown(() => place.remove());
const root = join(place.dir, 'tree');
await plant(root);

for (const [name, options] of Object.entries(kinds)) {
  for (const indexed of HASHED.includes(name) ? [false, true] : [false]) {
    await t.test(`${name}${indexed ? ', hashed directories' : ''} reads as what was put there`, async (t) => {
      const path = join(place.dir, 'image');
      const size = name.includes('64 KiB') || name.includes('bigalloc') ? 400 * MiB : 48 * MiB;
      const inodes = name.includes('bigalloc') || size > 48 * MiB ? [] : ['-N', '4096'];
      await makeExt4({ path, size, options: [...inodes, ...options], content: root, indexed });
      const device = await openFileDevice(path, { name: 'disk0', writable: false });
      const fs = await openExt4(device);
      const count = await compare(t, fs, root);
      t.ok(count > LARGE_DIRECTORY + 50, `${count} files compared`);
      const target = await fs.stat('/links/above', true);
      t.equal(target.ok && target.value.size, 40);
      const outside = await fs.open('/links/outside');
      t.equal(!outside.ok && outside.refusal.code, 'NO_SUCH_FILE');
      const loop = await fs.stat('/links/loop', true);
      t.equal(!loop.ok && loop.refusal.code, 'SYMLINK_LOOP');
      await device.close();
    });
  }
}
