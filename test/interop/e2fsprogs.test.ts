import { readdir } from 'node:fs/promises';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { measureEffect, Overlay, openExt4, verifyEdits } from '../../src/storage/index.ts';
import { attributes, e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { dumpFile, ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, store, work, editor, stage } = await e2fsprogsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

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
      await verifyEdits(overlay, 'ext4', edits, signal);
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
  await verifyEdits(overlay, 'ext4', removals, signal);
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
  await verifyEdits(overlay, 'ext4', edits, signal);
  t.match(await editor.check(overlay, 'ext4', signal), { ok: true });
  await content.data.close();
  await store.remove('time');
});
