import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { KiB, MiB } from '../../../../src/base/index.ts';
import type { FileSystem } from '../../../../src/ports/index.ts';
import { openNtfs } from '../../../../src/storage/ntfs/open-ntfs.ts';
import { hashOf, run, scratch, sha256 } from '../../../kit/disk-tools.ts';
import { makeNtfs, withNtfs3g } from '../../../kit/ntfs-volume.ts';

const place = await scratch();
t.teardown(place.remove);
const COMPRESSED = '0x00000800';

/** Text that compresses, with stretches that do not, and a hole of zeros. */
function mixed(size: number): Buffer {
  const bytes = Buffer.alloc(size, 'all work and no play makes a dull disk. ');
  for (let at = 0; at + 90_000 < size; at += 200_000) randomBytes(70_000).copy(bytes, at + 10_000);
  return bytes.fill(0, Math.floor(size / 2), Math.floor(size / 2) + 150_000);
}

async function plant(root: string, many: number): Promise<void> {
  await writeFile(join(root, 'empty'), '');
  await writeFile(join(root, 'tiny'), 'it lies in its record');
  await writeFile(join(root, 'large.bin'), randomBytes(2 * MiB + 17));
  await writeFile(join(root, 'Ünïcödé ☃ Ж 🚀.txt'), 'beyond the basic plane');
  await writeFile(join(root, 'n'.repeat(255)), 'the longest name');
  await mkdir(join(root, 'Windows', 'System32'), { recursive: true });
  await writeFile(join(root, 'Windows', 'System32', 'Notepad.exe'), randomBytes(40 * KiB));
  await mkdir(join(root, 'many'));
  for (let i = 0; i < many; i += 1)
    await writeFile(join(root, 'many', `A file with the number ${i}`), `${i}`);
  const sparse = await open(join(root, 'sparse'), 'w');
  await sparse.write(Buffer.from('begin'), 0, 5, 0);
  await sparse.write(Buffer.from('end'), 0, 3, 6 * MiB);
  await sparse.close();
  await link(join(root, 'tiny'), join(root, 'hard link'));
  await symlink('Windows/System32', join(root, 'beside'));
  await symlink('../../large.bin', join(root, 'Windows', 'System32', 'upwards'));
  await symlink('/etc/passwd', join(root, 'outside'));
  await symlink('circle', join(root, 'circle'));
  const compressed = join(root, 'compressed');
  await mkdir(compressed);
  await run('setfattr', ['-n', 'system.ntfs_attrib_be', '-v', COMPRESSED, compressed]);
  await writeFile(join(compressed, 'mixed'), mixed(3 * MiB + 123));
  await writeFile(join(compressed, 'text'), 'a '.repeat(100_000));
  await writeFile(join(compressed, 'noise'), randomBytes(300_000));
  await utimes(join(root, 'tiny'), 1_234_567_890, 1_234_567_890);
}

interface Known {
  readonly kind: 'file' | 'directory';
  readonly hash?: string;
  readonly mtime: number;
}

/** All files and directories below, links left out. */
async function survey(root: string, path = ''): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const below = `${path}/${entry.name}`;
    const { mtimeMs } = await stat(join(root, below));
    const mtime = Math.floor(mtimeMs / 1000);
    if (entry.isDirectory()) {
      known.set(below, { kind: 'directory', mtime });
      for (const [name, fact] of await survey(root, below)) known.set(name, fact);
    } else known.set(below, { kind: 'file', hash: sha256(await readFile(join(root, below))), mtime });
  }
  return known;
}

async function surveyOurs(fs: FileSystem, path = ''): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const listed = await fs.list(path === '' ? '/' : path);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  for await (const { name, kind } of listed.value) {
    if (kind === 'symlink') continue;
    const below = `${path}/${name}`;
    const stat = await fs.stat(below, false);
    if (!stat.ok) throw new Error(stat.refusal.sentence);
    const { mtime } = stat.value;
    if (kind === 'directory') {
      known.set(below, { kind, mtime });
      for (const [inner, fact] of await surveyOurs(fs, below)) known.set(inner, fact);
    } else {
      const file = await fs.open(below);
      if (!file.ok) throw new Error(file.refusal.sentence);
      known.set(below, { kind: 'file', hash: await hashOf(file.value), mtime });
    }
  }
  return known;
}

const image = join(place.dir, 'ntfs');

for (const [name, options, many] of [
  ['clusters of 4 KiB', [], 900],
  ['clusters of 512 bytes', ['-c', '512'], 150],
  ['clusters of 64 KiB', ['-c', '65536'], 150],
  ['sectors of 4 KiB', ['-s', '4096'], 10],
] as const) {
  await t.test(`what ntfs-3g writes is read back: ${name}`, async (t) => {
    await makeNtfs(image, 64, options);
    let truth = new Map<string, Known>();
    await withNtfs3g(image, join(place.dir, 'mount'), async (root) => {
      await plant(root, many);
      truth = await survey(root);
    });
    const before = sha256(await readFile(image));
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    const fs = await openNtfs(device);
    t.match(fs.facts, { type: 'ntfs', label: 'Windows' });
    const ours = await surveyOurs(fs);
    t.ok(truth.size > many + 10);
    t.same(
      [...truth].filter(([path, fact]) => JSON.stringify(ours.get(path)) !== JSON.stringify(fact)),
      [],
      'all that is there is read as it is',
    );
    t.same(
      [...ours.keys()].filter((path) => !truth.has(path)),
      [],
      'nothing else is found',
    );
    await device.close();
    t.equal(sha256(await readFile(image)), before, 'nothing was written');
  });
}

await t.test('names in any case, short names, links, and what is not there', async (t) => {
  await makeNtfs(image, 64);
  await withNtfs3g(image, join(place.dir, 'mount'), async (root) => {
    await plant(root, 800);
    await writeFile(join(root, 'compact'), 'zeros to whoever does not know');
    const wof = '0x170000800800000001000000000000000';
    await run('setfattr', ['-n', 'system.ntfs_reparse_data', '-v', wof.slice(0, 34), join(root, 'compact')]);
  });
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openNtfs(device);
  const size = async (path: string) => {
    const found = await fs.stat(path, true);
    return found.ok ? found.value.size : found.refusal.code;
  };
  t.equal(await size('/WINDOWS/system32/NOTEPAD.EXE'), 40 * KiB);
  t.equal(await size('/many/a FILE with the number 777'), 3);
  t.equal(await size('/ünïcödé ☃ ж 🚀.TXT'), 22);
  t.equal(await size('/beside/notepad.exe'), 40 * KiB, 'through a link');
  t.equal(await size('/beside/upwards'), 2 * MiB + 17, 'a link that leads up');
  t.equal(await size('/outside'), 'FILE_UNSUPPORTED', 'never out of the volume');
  t.equal(await size('/circle'), 'SYMLINK_LOOP');
  t.equal(await size('/many/A file with the number 800'), 'NO_SUCH_FILE');
  t.equal(await size('/tiny/below'), 'NOT_A_DIRECTORY');
  t.match(await fs.stat('/circle', false), { value: { kind: 'symlink', target: 'circle' } });
  t.match(await fs.stat('/hard link', true), { value: { links: 2, mtime: 1_234_567_890 } });
  const compact = await fs.open('/compact');
  t.match(compact, { refusal: { code: 'FILE_UNSUPPORTED', sentence: /0x80000017/ } });
  t.match(await fs.open('/many'), { refusal: { code: 'IS_A_DIRECTORY' } });
  t.match(await fs.list('/tiny'), { refusal: { code: 'NOT_A_DIRECTORY' } });
  const text = await fs.open('/compressed/mixed');
  if (!text.ok) throw new Error(text.refusal.sentence);
  const whole = new Uint8Array(text.value.stat.size);
  await text.value.read(0, whole);
  const piece = new Uint8Array(70_000);
  for (const at of [0, 65_530, 1_000_000, whole.length - 100]) {
    const count = await text.value.read(at, piece);
    t.ok(Buffer.from(piece.subarray(0, count)).equals(whole.subarray(at, at + 70_000)), `from byte ${at}`);
  }
  await device.close();
});

await t.test('a file in two thousand pieces, whose list of attributes leads on', async (t) => {
  await makeNtfs(image, 16, ['-c', '512']);
  const content = randomBytes(2400 * 512);
  await withNtfs3g(image, join(place.dir, 'mount'), async (root) => {
    const pieces = await open(join(root, 'pieces'), 'w');
    for (let i = 0; i < 2400; i += 1) {
      await pieces.write(content, i * 512, 512, i * 512);
      if (i % 2 === 0) await writeFile(join(root, `between-${i}`), content.subarray(0, 800));
    }
    await pieces.close();
    for (let i = 0; i < 2400; i += 4) await rm(join(root, `between-${i}`));
    await writeFile(join(root, 'after'), content.subarray(0, MiB));
  });
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openNtfs(device);
  for (const [path, bytes] of [
    ['/pieces', content],
    ['/after', content.subarray(0, MiB)],
  ] as const) {
    const file = await fs.open(path);
    if (!file.ok) throw new Error(file.refusal.sentence);
    t.equal(await hashOf(file.value), sha256(bytes), path);
  }
  await device.close();
});
