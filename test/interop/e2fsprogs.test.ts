import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { crc32cRaw, MiB } from '../../src/base/index.ts';
import type { StagedFile, VolumeEdit } from '../../src/ports/index.ts';
import { measureEffect, Overlay, openExt4, openExt4Geometry, verifyEdits } from '../../src/storage/index.ts';
import { dumpFile, e2fsck, ext4Image, temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { seededRandom } from '../kit/power-cut.ts';

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
const store = await openFileStateStore(join(directory.path, 'state'));
const work = join(directory.path, 'work');
const editor = await openE2fsprogs({ stagedPath: (name) => store.pathOf(name), directory: work });
const { signal } = new AbortController();
const TIME = 1_700_000_000;
const attributes = { mode: 0o640, uid: 70_000, gid: 1000, mtime: 1_600_000_000 };

function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
}

async function stage(name: string, content: Uint8Array): Promise<StagedFile> {
  const staged = await store.stagedFile(name, content.byteLength);
  await staged.data.write(0, content);
  await staged.data.flush();
  return staged;
}

async function contentOf(overlay: Overlay): Promise<Uint8Array> {
  const whole = new Uint8Array(overlay.capabilities.size);
  await overlay.read(0, whole);
  return whole;
}

await t.test('the tools are usable here, and nothing is left of trying them', async (t) => {
  t.same(editor.capabilities, { types: ['ext4', 'ext3', 'ext2'] });
  t.same(await readdir(work), []);
});

const shapes: [string, string[]][] = [
  ['1 KiB blocks', ['-b', '1024']],
  ['4 KiB blocks', ['-b', '4096']],
  ['without checksums and 64bit', ['-b', '4096', '-O', '^metadata_csum,^64bit']],
  ['ext3', ['-t', 'ext3', '-I', '128']],
  ['inline data', ['-b', '4096', '-O', 'inline_data']],
];
for (const [name, mkfs] of shapes) {
  await t.test(
    `put, replace, make and remove on ${name}: as asked, checked, the base untouched`,
    async (t) => {
      const before = await ext4Image({
        size: 16 * MiB,
        mkfs,
        script: [
          'mkdir /etc',
          'write @0 /etc/old',
          'write @0 /etc/gone',
          'ln /etc/gone /etc/kept-link',
          'sif /etc/gone links_count 2',
          'mkdir /empty',
          'symlink /etc/link /a/target/that/is/not/there',
          `symlink /etc/long-link /${'x'.repeat(200)}`,
          'cd /etc',
          'mknod pipe p',
          'cd /',
          'write @0 /etc/labelled',
          'ea_set -f @1 /etc/labelled user.note',
          'ea_set -f @1 /etc/old trusted.note',
          'ea_set -f @1 /etc/gone user.note',
          'write @0 /top',
          'ea_set -f @1 /top user.note',
          'mkdir /labelled-dir',
          'ea_set -f @1 /labelled-dir user.note',
        ],
        contents: [noise(10_000, 1), noise(600, 10)],
      });
      const base = new MemoryDevice('disk0p1', before.slice(), { writable: false });
      const overlay = new Overlay(base, { blockSize: 1024 });
      const small = await stage('small', noise(100, 2));
      const large = await stage('large', noise(700_001, 3));
      const none = await stage('none', new Uint8Array(0));
      const edits: VolumeEdit[] = [
        { edit: 'put-file', path: '/etc/old', content: large, attributes, replace: true },
        { edit: 'put-file', path: '/top', content: small, attributes, replace: true },
        { edit: 'make-directory', path: '/new dir', attributes: { ...attributes, mode: 0o750 } },
        { edit: 'put-file', path: '/new dir/a "quoted" name', content: small, attributes, replace: false },
        { edit: 'put-file', path: '/new dir/none', content: none, attributes, replace: false },
        { edit: 'remove-file', path: '/etc/gone' },
        { edit: 'remove-file', path: '/etc/link' },
        { edit: 'remove-file', path: '/etc/long-link' },
        { edit: 'remove-file', path: '/etc/pipe' },
        { edit: 'remove-file', path: '/etc/labelled' },
        { edit: 'remove-directory', path: '/empty' },
        { edit: 'remove-directory', path: '/labelled-dir' },
      ];
      t.same(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true, value: undefined });
      await verifyEdits(overlay, edits, signal);
      t.same(await editor.check(overlay, 'ext4', signal), { ok: true, value: undefined });
      t.ok(Buffer.from(base.bytes).equals(Buffer.from(before)), 'the base is as it was');
      const after = await contentOf(overlay);
      t.ok(Buffer.from((await dumpFile(after, '/etc/old')) ?? '').equals(Buffer.from(noise(700_001, 3))));
      t.same(await dumpFile(after, '/new dir/a "quoted" name'), noise(100, 2));
      t.same(await dumpFile(after, '/etc/kept-link'), noise(10_000, 1));
      t.equal(await dumpFile(after, '/etc/gone'), undefined);
      const fileSystem = await openExt4(overlay);
      const link = await fileSystem.stat('/etc/kept-link', false);
      t.match(link, { ok: true, value: { links: 1 } });
      t.same(await readdir(work), []);
      for (const staged of [small, large, none]) {
        await staged.data.close();
        await store.remove(staged.name);
      }
    },
  );
}

for (const features of ['metadata_csum', '^metadata_csum']) {
  await t.test(`attributes that files share stay with the last of them (${features})`, async (t) => {
    const paths = ['/a', '/b', '/c'];
    const image = await ext4Image({
      size: 8 * MiB,
      mkfs: ['-b', '1024', '-O', features],
      script: [...paths.map((path) => `write @0 ${path}`), 'ea_set -f @1 /a user.note'],
      contents: [noise(2000, 1), noise(600, 11)],
    });
    const base = new MemoryDevice('disk0p1', image);
    await shareAttributes(base, paths);
    t.match(await editor.check(base, 'ext4', signal), { ok: true }, 'the volume to begin with has no fault');
    for (const going of [['/a'], ['/a', '/c'], ['/b', '/c', '/a']]) {
      const overlay = new Overlay(base, { blockSize: 1024 });
      const edits = going.map((path): VolumeEdit => ({ edit: 'remove-file', path }));
      t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
      await verifyEdits(overlay, edits, signal);
      t.match(await editor.check(overlay, 'ext4', signal), { ok: true }, `without ${going.join(', ')}`);
    }
  });
}

/** Lets all files share the attribute block of the first, as Linux does with equal attributes. */
async function shareAttributes(volume: MemoryDevice, paths: readonly string[]): Promise<void> {
  const place = join(directory.path, 'shared');
  const run = (command: string): string =>
    execFileSync('debugfs', ['-w', '-R', command, place], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  await writeFile(place, volume.bytes);
  const block = /^File ACL: (\d+)$/m.exec(run(`stat ${paths[0]}`))?.[1] ?? '0';
  for (const path of paths.slice(1)) {
    run(`sif ${path} file_acl ${block}`);
    run(`sif ${path} blocks 6`);
  }
  const bytes = await readFile(place);
  const at = Number(block) * 1024;
  bytes.writeUInt32LE(paths.length, at + 4);
  const { checksumSeed, roCompat } = await requireChecksums(volume);
  if ((roCompat & 0x400) !== 0) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt(block), 0);
    bytes.writeUInt32LE(0, at + 16);
    bytes.writeUInt32LE(crc32cRaw(crc32cRaw(checksumSeed, number), bytes.subarray(at, at + 1024)), at + 16);
  }
  volume.bytes.set(bytes);
}

async function requireChecksums(volume: MemoryDevice): Promise<{ checksumSeed: number; roCompat: number }> {
  return (await openExt4Geometry(volume)).layout.superblock;
}

await t.test('the same edits at another moment give the same effect', async (t) => {
  const image = await ext4Image({ size: 8 * MiB, script: ['write @0 /old'], contents: [noise(5000, 1)] });
  const base = new MemoryDevice('disk0p1', image);
  const content = await stage('again', noise(50_000, 4));
  const edits: VolumeEdit[] = [
    { edit: 'put-file', path: '/old', content, attributes, replace: true },
    { edit: 'make-directory', path: '/d', attributes },
    { edit: 'put-file', path: '/d/x', content, attributes, replace: false },
  ];
  const hashes: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    const overlay = new Overlay(base);
    t.ok((await editor.edit(overlay, 'ext4', edits, TIME, signal)).ok);
    hashes.push((await measureEffect(overlay, base, undefined)).hash);
    // Longer than the coarsest time stamp that the tools could have put in.
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  t.equal(hashes[0], hashes[1]);
  const overlay = new Overlay(base);
  t.ok((await editor.edit(overlay, 'ext4', edits, TIME + 1, signal)).ok);
  t.not((await measureEffect(overlay, base, undefined)).hash, hashes[0], 'another time is another effect');
  await content.data.close();
  await store.remove('again');
});

await t.test('names that a command language could trip over arrive as they are', async (t) => {
  const image = await ext4Image({ size: 4 * MiB });
  const content = await stage('name', Uint8Array.of(1, 2, 3));
  const names = [
    '-w',
    '<12>',
    '"',
    '""',
    '\\',
    'a b',
    "it's",
    '#x',
    ';ls',
    '$(x)',
    '*',
    '~',
    'ü→😀',
    '..x',
    '|',
  ];
  names.push('x'.repeat(255), '"'.repeat(255));
  const overlay = new Overlay(new MemoryDevice('disk0p1', image));
  const edits = names.map(
    (name): VolumeEdit => ({ edit: 'put-file', path: `/${name}`, content, attributes, replace: false }),
  );
  t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
  const listed = await (await openExt4(overlay)).list('/');
  t.ok(listed.ok);
  const found: (string | undefined)[] = [];
  if (listed.ok) for await (const entry of listed.value) found.push(entry.name);
  t.same(new Set(found), new Set(['lost+found', ...names]));
  const removals = names.map((name): VolumeEdit => ({ edit: 'remove-file', path: `/${name}` }));
  t.match(await editor.edit(overlay, 'ext4', removals, TIME, signal), { ok: true });
  await verifyEdits(overlay, removals, signal);
  t.match(await editor.check(overlay, 'ext4', signal), { ok: true });
  for (const bad of ['/a\nrm x', '/a\r', '/a\u007f', '/a\0']) {
    const edit: VolumeEdit = { edit: 'remove-file', path: bad };
    t.match(await editor.edit(overlay, 'ext4', [edit], TIME, signal), {
      ok: false,
      refusal: { code: 'NAME_UNSUPPORTED' },
    });
  }
  await content.data.close();
  await store.remove('name');
});

await t.test('a volume without room is NO_SPACE, and what is not there NO_SUCH_FILE', async (t) => {
  const image = await ext4Image({ size: 4 * MiB, mkfs: ['-b', '1024'] });
  const base = new MemoryDevice('disk0p1', image);
  const content = await stage('big', noise(5 * MiB, 5));
  const put: VolumeEdit = { edit: 'put-file', path: '/big', content, attributes, replace: false };
  t.match(await editor.edit(new Overlay(base), 'ext4', [put], TIME, signal), {
    ok: false,
    refusal: { code: 'NO_SPACE' },
  });
  const gone: VolumeEdit = { edit: 'remove-file', path: '/gone' };
  t.match(await editor.edit(new Overlay(base), 'ext4', [gone], TIME, signal), {
    ok: false,
    refusal: { code: 'NO_SUCH_FILE' },
  });
  const full: VolumeEdit = { edit: 'remove-directory', path: '/lost+found/x' };
  t.match(await editor.edit(new Overlay(base), 'ext4', [full], TIME, signal), { ok: false });
  await content.data.close();
  await store.remove('big');
});

await t.test('times before 1970 and after 2038 are kept', async (t) => {
  const image = await ext4Image({ size: 4 * MiB, mkfs: ['-I', '256'] });
  const overlay = new Overlay(new MemoryDevice('disk0p1', image));
  const content = await stage('time', Uint8Array.of(1));
  const edits = [-1, -2_000_000_000, 2_147_483_648, 4_294_967_296, 10_000_000_000].map(
    (mtime, i): VolumeEdit => ({
      edit: 'put-file',
      path: `/${i}`,
      content,
      attributes: { ...attributes, mtime },
      replace: false,
    }),
  );
  t.match(await editor.edit(overlay, 'ext4', edits, TIME, signal), { ok: true });
  await verifyEdits(overlay, edits, signal);
  t.match(await editor.check(overlay, 'ext4', signal), { ok: true });
  await content.data.close();
  await store.remove('time');
});

await t.test(
  'a journal that is still to be replayed: refused by the checker, replayed on the overlay alone',
  async (t) => {
    // debugfs writes a transaction that fills block 9000 into the journal and leaves it there.
    const block = noise(1024, 7);
    const image = await ext4Image({
      size: 16 * MiB,
      mkfs: ['-b', '1024'],
      script: ['journal_open', 'journal_write -b 9000 @0', 'journal_close'],
      contents: [block],
    });
    const base = new MemoryDevice('disk0p1', image.slice(), { writable: false });
    t.match(await editor.check(base, 'ext4', signal), { ok: false, refusal: { code: 'CHECK_FAILED' } });
    const content = await stage('replayed', noise(5000, 8));
    const put: VolumeEdit = { edit: 'put-file', path: '/x', content, attributes, replace: false };
    const hashes: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      const overlay = new Overlay(base, { blockSize: 1024 });
      t.same(await editor.replay(overlay, 'ext4', TIME, signal), { ok: true, value: undefined });
      const there = new Uint8Array(1024);
      await overlay.read(9000 * 1024, there);
      t.same(there, block, 'what the journal held is on the overlay');
      t.match(await editor.edit(overlay, 'ext4', [put], TIME, signal), { ok: true });
      t.match(await editor.check(overlay, 'ext4', signal), { ok: true });
      hashes.push((await measureEffect(overlay, base, undefined)).hash);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    t.equal(hashes[0], hashes[1], 'and that is reproducible too');
    t.ok(Buffer.from(base.bytes).equals(Buffer.from(image)), 'the disk is as it was');
    await content.data.close();
    await store.remove('replayed');
  },
);

await t.test('a damaged volume is CHECK_FAILED', async (t) => {
  const image = await ext4Image({ size: 4 * MiB, mkfs: ['-b', '1024'], script: ['sif / links_count 9'] });
  t.equal((await e2fsck(image)).status, 4);
  t.match(await editor.check(new MemoryDevice('disk0p1', image), 'ext4', signal), {
    ok: false,
    refusal: { code: 'CHECK_FAILED' },
  });
});

await t.test('an abort ends the tools and leaves nothing mounted', async (t) => {
  const image = await ext4Image({ size: 64 * MiB, mkfs: ['-b', '1024'] });
  const content = await stage('slow', noise(8 * MiB, 6));
  const stop = new AbortController();
  const overlay = new Overlay(new MemoryDevice('disk0p1', image));
  const put: VolumeEdit = { edit: 'put-file', path: '/slow', content, attributes, replace: false };
  const edit = editor.edit(overlay, 'ext4', [put], TIME, stop.signal);
  while (overlay.changedBlocks().length < 100) await new Promise((resolve) => setTimeout(resolve, 1));
  const reason = new Error('the host wakes');
  stop.abort(reason);
  await t.rejects(edit, reason);
  t.same(await readdir(work), []);
  t.notMatch(await readFile('/proc/mounts', 'utf8'), directory.path);
  await content.data.close();
  await store.remove('slow');
});

await t.test(
  'killed in the middle, we leave no tool running, and the next start clears the rest',
  async (t) => {
    const place = join(directory.path, 'killed');
    const source = join(directory.path, 'source');
    await writeFile(source, noise(100_000, 9));
    await mkdir(place);
    const program = join(import.meta.dirname, '..', 'kit', 'edit-forever.ts');
    const child = spawn(process.execPath, ['--import=tsx', program, place, source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    t.match(await readFile('/proc/mounts', 'utf8'), place);
    t.ok((await toolsAt(place)).length >= 2, 'nbdfuse and debugfs are at work');
    child.kill('SIGKILL');
    await once(child, 'close');
    for (let i = 0; i < 500 && (await toolsAt(place)).length > 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    t.same(await toolsAt(place), []);
    await openE2fsprogs({ stagedPath: () => source, directory: place });
    t.same(await readdir(place), []);
    t.notMatch(await readFile('/proc/mounts', 'utf8'), place);
  },
);

/** Command lines of the processes that have to do with a directory. */
async function toolsAt(place: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (line.includes(place) && !line.includes('edit-forever')) found.push(line);
  }
  return found;
}
