import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../src/adapters/file-device.ts';
import { NsError } from '../../../src/base/index.ts';
import type { DirectoryEntry, FileSystem } from '../../../src/ports/index.ts';
import { joinPath, openFileSystem } from '../../../src/storage/index.ts';
import { debugfs, hashOf, makeExt4, run, scratch } from '../../kit/disk-tools.ts';
import { makeFat } from '../../kit/fat-volume.ts';
import { makeNtfs, withNtfs3g } from '../../kit/ntfs-volume.ts';

const { dir, remove } = await scratch();
t.teardown(remove);

async function fill(root: string, links: boolean): Promise<void> {
  await mkdir(join(root, 'dir/below'), { recursive: true });
  for (let n = 0; n < 90; n += 1) await writeFile(join(root, 'dir', `file ${n}`), `${n}\n`.repeat(n));
  await writeFile(join(root, 'dir/below/Größe.txt'), 'long name\n');
  await writeFile(join(root, 'big'), Buffer.alloc(300_000, 7));
  if (!links) return;
  await symlink('dir/below', join(root, 'short'));
  await symlink(`${'dir/../'.repeat(12)}big`, join(root, 'long'));
}

async function volume(name: string, type: string, make: (image: string) => Promise<void>) {
  const image = join(dir, name);
  await make(image);
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  t.teardown(() => device.close());
  return { type, fs: await openFileSystem(device, type) };
}

await fill(join(dir, 'tree'), true);
await fill(join(dir, 'plain'), false);
const ext4 = await volume('ext4', 'ext4', async (path) => {
  await makeExt4({ path, size: 16 << 20, content: join(dir, 'tree') });
});
const fat = await volume('fat', 'vfat', async (path) => {
  await makeFat(path, ['-F', '32', '-s', '1'], 40_000);
  await run('mcopy', ['-s', '-i', path, join(dir, 'plain/dir'), join(dir, 'plain/big'), '::']);
});
const ntfs = await volume('ntfs', 'ntfs', async (path) => {
  await makeNtfs(path, 8);
  await withNtfs3g(path, join(dir, 'at'), (root) => fill(root, false));
});

async function entriesOf(fs: FileSystem, path: string): Promise<DirectoryEntry[]> {
  const listed = await fs.list(path);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  const entries: DirectoryEntry[] = [];
  for await (const entry of listed.value) entries.push(entry);
  return entries;
}

for (const { type, fs } of [ext4, fat, ntfs]) {
  await t.test(`${type}: what a directory names is the same by its entry as by its path`, async (t) => {
    let met = 0;
    const look = async (path: string, by?: DirectoryEntry): Promise<void> => {
      const entries = await entriesOf(fs, path);
      if (by !== undefined) {
        const again = await fs.byEntry.list(by);
        const names: (string | undefined)[] = [];
        if (again.ok) for await (const { name } of again.value) names.push(name);
        t.same(
          names,
          entries.map(({ name }) => name),
        );
      }
      const stats = await fs.byEntry.stat(entries);
      for (const [i, entry] of entries.entries()) {
        const below = joinPath(path, entry.name ?? '?');
        const byPath = await fs.stat(below, false);
        t.same({ ok: true, value: stats[i] }, byPath, below);
        t.same(await fs.byEntry.extras(entry), await fs.extras(below, false), `what ${below} carries`);
        met += 1;
        if (entry.kind === 'directory') await look(below, entry);
        const opened = await fs.byEntry.open(entry);
        if (entry.kind !== 'file') t.match(opened, { ok: false });
        else if (met % 7 === 0) {
          const same = await fs.open(below);
          t.ok(opened.ok && same.ok && (await hashOf(opened.value)) === (await hashOf(same.value)), below);
        }
      }
    };
    await look('/');
    t.ok(met >= 94);
    const [file] = (await entriesOf(fs, '/')).filter(({ kind }) => kind === 'file');
    t.match(await fs.byEntry.list(file!), { ok: false, refusal: { code: 'NOT_A_DIRECTORY' } });
  });
}

await t.test('one inode that is spoilt is a fault in its place, and the others are told', async (t) => {
  const path = join(dir, 'spoilt');
  await makeExt4({ path, size: 16 << 20, content: join(dir, 'tree') });
  await debugfs(path, ['clri "/dir/file 5"']);
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  t.teardown(() => device.close());
  const fs = await openFileSystem(device, 'ext4');
  const entries = await entriesOf(fs, '/dir');
  const stats = await fs.byEntry.stat(entries);
  const bad = entries.filter((_, i) => stats[i] instanceof NsError).map(({ name }) => name);
  t.same(bad, ['file 5']);
  const past = { name: 'x', rawName: Buffer.from('x'), inode: 4_000_000_000, kind: 'file' } as const;
  t.match(await fs.byEntry.stat([past, ...entries.slice(0, 1)]), [
    { code: 'NS_FS_CORRUPT' },
    { mode: Number },
  ]);
});

await t.test('a read that fails takes only what lies in its block', async (t) => {
  const path = join(dir, 'bad');
  await makeExt4({ path, size: 16 << 20, content: join(dir, 'tree'), options: ['-b', '4096'] });
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  t.teardown(() => device.close());
  const said = await run('debugfs', ['-R', 'imap "/dir/file 40"', path]);
  const bad = Number(/block (\d+)/.exec(said)?.[1]) * 4096;
  t.ok(bad > 0, said);
  let broken = false;
  const fs = await openFileSystem(
    {
      name: device.name,
      capabilities: device.capabilities,
      read: (at, into, signal) =>
        broken && at <= bad && bad < at + into.byteLength
          ? Promise.reject(new NsError('NS_BLOCK_IO', 'bad sector'))
          : device.read(at, into, signal),
      write: () => Promise.reject(new Error('a reader wrote')),
      flush: () => Promise.resolve(),
      trim: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    'ext4',
  );
  const entries = await entriesOf(fs, '/dir');
  broken = true;
  const stats = await fs.byEntry.stat(entries);
  const failed = stats.filter((stat) => stat instanceof NsError);
  t.ok(failed.length >= 1 && failed.length <= 16, `${failed.length} in one block of inodes`);
  t.equal(stats.length, 91);
});
