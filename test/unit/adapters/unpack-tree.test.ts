import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { unpackTree } from '../../../src/adapters/unpack-tree.ts';
import { utf8 } from '../../../src/base/index.ts';
import { type ArchiveEntry, ArchivePlan } from '../../../src/transfer/index.ts';
import { scratch } from '../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();
const AT = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000, size: 0 };

type Told = Partial<Omit<ArchiveEntry, 'path' | 'target'>> & { readonly to?: string };
let made = 0;

/** An archive as a hostile host could have it made: an entry for each name given. */
async function archiveOf(entries: readonly (readonly [string, Told])[]): Promise<string> {
  const plan = new ArchivePlan();
  for (const [path, { to, ...more }] of entries) {
    const target = to === undefined ? {} : { target: utf8(to) };
    plan.add({ ...AT, kind: 'file', ...more, path: utf8(path), ...target });
  }
  const bytes = new Uint8Array(plan.size);
  const fill = async (index: number, _offset: number, into: Uint8Array) => void into.fill(0x61 + index);
  await plan.read(0, bytes, fill, signal);
  made += 1;
  const file = join(dir, `${made}.tar`);
  await writeFile(file, bytes);
  return file;
}

async function unpack(entries: readonly (readonly [string, Told])[], preserve = false) {
  const archive = await archiveOf(entries);
  const room = join(dir, `room${made}`);
  await mkdir(room);
  const target = join(room, 'here');
  return { ...(await unpackTree(archive, target, { preserve, signal })), room, target };
}

await t.test('no name leads out of the directory through a link', async (t) => {
  const outside = join(dir, 'outside');
  await mkdir(outside);
  const { left, room, target } = await unpack([
    ['', { kind: 'directory', mode: 0o755 }],
    ['way', { kind: 'symlink', to: outside }],
    ['way/file', { size: 3 }],
    ['way/dir', { kind: 'directory' }],
    ['up', { kind: 'symlink', to: '../..' }],
    ['up/file', { size: 3 }],
    ['twice', { kind: 'link', to: 'way' }],
    ['thrice', { kind: 'link', to: 'nothing' }],
    ['fine', { size: 5 }],
    ['fine/below', { size: 5 }],
  ]);
  t.same(await readdir(outside), []);
  t.same(await readdir(room), ['here'], 'nothing beside it');
  t.same((await readdir(target)).sort(), ['fine', 'up', 'way']);
  t.equal(await readlink(join(target, 'way')), outside);
  t.same(left.map(({ path }) => path).sort(), [
    'fine/below',
    'thrice',
    'twice',
    'up/file',
    'way/dir',
    'way/file',
  ]);
});

await t.test('names that lead out by themselves refuse the whole archive, and leave nothing', async (t) => {
  for (const path of ['../escape', 'a/../../escape', '/tmp/escape']) {
    const archive = await archiveOf([
      ['good', { size: 3 }],
      [path, { size: 3 }],
    ]);
    const room = join(dir, `room${made}`);
    await mkdir(room);
    await t.rejects(unpackTree(archive, join(room, 'here'), { preserve: true, signal }), {
      code: 'NS_ARCHIVE_BAD',
    });
    t.same(await readdir(room), []);
  }
});

await t.test('one name twice, as on a disk without case, is told of and never written over', async (t) => {
  const { left, target } = await unpack([
    ['Name', { size: 4 }],
    ['Name', { size: 9 }],
    ['Name', { kind: 'directory' }],
    ['Name/below', { size: 1 }],
    ['Name', { kind: 'symlink', to: 'x' }],
  ]);
  t.equal((await readFile(join(target, 'Name'))).toString(), 'aaaa');
  t.same(
    left.map(({ path }) => path),
    ['Name', 'Name', 'Name/below', 'Name'],
  );
});

await t.test('a file larger than any here is left out and told of, and nothing of it stays', async (t) => {
  const { left, target, files } = await unpack([
    ['', { kind: 'directory', mode: 0o755 }],
    ['vast', { size: 2 ** 52, segments: [{ offset: 0, length: 10 }] }],
    ['far', { size: 2 ** 52, segments: [{ offset: 2 ** 51, length: 10 }] }],
    ['same', { kind: 'link', to: 'vast' }],
    ['fine', { size: 5 }],
  ]);
  t.same(await readdir(target), ['fine']);
  t.equal(files, 1);
  t.match(left, [
    { path: 'vast', why: 'EFBIG' },
    { path: 'far', why: 'EFBIG' },
    { path: 'same', why: /is not here/ },
  ]);
});

await t.test('set-id bits and owners come only where asked for; pipes never', async (t) => {
  const entries = [
    ['suid', { mode: 0o6755, size: 1, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }],
    ['pipe', { kind: 'fifo' }],
    ['closed', { kind: 'directory', mode: 0o1500 }],
    ['closed/in', { size: 2, mode: 0o400 }],
  ] as const;
  const plain = await unpack(entries);
  t.equal((await lstat(join(plain.target, 'suid'))).mode & 0o7777, 0o755);
  t.equal((await lstat(join(plain.target, 'closed'))).mode & 0o7777, 0o500);
  t.equal((await lstat(join(plain.target, 'closed/in'))).mtimeMs, 1_600_000_000_000);
  t.match(plain.left, [{ path: 'pipe', why: /not made here/ }]);
  const kept = await unpack(entries, true);
  t.equal((await lstat(join(kept.target, 'suid'))).mode & 0o7777, 0o6755);
});

await t.test('what is there already is left alone', async (t) => {
  const archive = await archiveOf([['new', { size: 1 }]]);
  const there = join(dir, 'there');
  await mkdir(there);
  await writeFile(join(there, 'mine'), 'mine');
  await t.rejects(unpackTree(archive, there, { preserve: false, signal }), { code: 'NS_LOCAL_FILE' });
  t.same(await readdir(there), ['mine']);
  t.same(
    (await readdir(dir)).filter((name) => name.startsWith('.')),
    [],
  );
});

await t.test('an archive that ends too soon leaves nothing', async (t) => {
  const archive = await archiveOf([
    ['one', { size: 3 }],
    ['two', { size: 100_000 }],
  ]);
  await writeFile(archive, (await readFile(archive)).subarray(0, 50_000));
  const room = join(dir, 'cut');
  await mkdir(room);
  await t.rejects(unpackTree(archive, join(room, 'here'), { preserve: false, signal }), {
    code: 'NS_ARCHIVE_BAD',
  });
  t.same(await readdir(room), []);
});
