import { link, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { toHex } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { measureEffect, Overlay, openFileSystem } from '../../src/storage/index.ts';
import { writableKind } from '../../src/storage/writable-kind.ts';
import { run } from '../kit/disk-tools.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';
import { attributes, ntfsBench, put, TIME } from '../kit/ntfs-bench.ts';
import { contentOf } from '../kit/overlay-content.ts';

const { directory, store, work, editor, stage, image, fsck, look } = await ntfsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();
const DONE = { ok: true, value: undefined };
const kind = await writableKind('ntfs');
const folder = (path: string): VolumeEdit => ({ edit: 'make-directory', path, attributes });

const attribute = async (path: string, name: string): Promise<string> =>
  (await run('getfattr', ['-h', '--absolute-names', '--only-values', '-n', name, path])) === ''
    ? ''
    : (
        (await run('getfattr', ['-h', '--absolute-names', '-e', 'hex', '-n', name, path])).split('=')[1] ?? ''
      ).trim();
const setAttribute = (path: string, name: string, value: string) =>
  run('setfattr', ['-h', '-n', name, '-v', value, path]);

await t.test('the tools are usable here, and nothing is left of trying them', async (t) => {
  t.same(editor.capabilities, { types: ['ntfs'] });
  t.same(await readdir(work), []);
});

for (const [name, options] of [
  ['clusters of 4096 bytes', []],
  ['clusters of 512 bytes', ['-c', '512']],
  ['clusters of 64 KiB', ['-c', '65536']],
] as const) {
  await t.test(
    `put, replace, make, link and remove on ${name}: as asked, checked, the base untouched`,
    async (t) => {
      const old = noise(20_000, 1);
      const before = await image(
        12,
        async (root) => {
          for (const dir of ['Windows/System32', 'etc', 'empty'])
            await mkdir(join(root, dir), { recursive: true });
          await writeFile(join(root, 'Windows/System32/a long name.dll'), old);
          for (const file of ['gone', 'kept', 'linked', 'packed'])
            await writeFile(join(root, 'etc', file), old);
          await link(join(root, 'etc/linked'), join(root, 'etc/other name'));
          for (let i = 0; i < 70; i += 1)
            await writeFile(join(root, `etc/a neighbour with the number ${i}`), `${i}`);
        },
        options,
      );
      const base = new MemoryDevice('disk0p1', before.slice(), { writable: false });
      t.same(await kind.preflight(base, signal), DONE);
      const overlay = new Overlay(base, { blockSize: await kind.granularity(base, signal) });
      const [small, large, none] = [
        await stage('small', noise(100, 2)),
        await stage('large', noise(300_001, 3)),
        await stage('none', new Uint8Array(0)),
      ];
      const edits: VolumeEdit[] = [
        put('/windows/SYSTEM32/A long NAME.dll', large, true),
        folder('/new dir'),
        folder('/new dir/it is "in'.replace('"', "'")),
        put('/new dir/file 🚀 Ж.txt', small),
        put('/new dir/none', none, false, 0o444),
        put('/etc/linked', small, true),
        { edit: 'make-link', path: '/etc/second', to: '/etc/KEPT' },
        { edit: 'remove-file', path: '/etc/GONE' },
        { edit: 'remove-directory', path: '/Empty' },
      ];
      t.same(await editor.edit(overlay, 'ntfs', edits, TIME, signal), DONE);
      await kind.verify(base, overlay, edits, signal);
      t.same(await editor.check(overlay, 'ntfs', signal), DONE);
      t.ok(Buffer.from(base.bytes).equals(Buffer.from(before)), 'the base is as it was');
      const after = await contentOf(overlay);
      t.equal(await fsck(after), '');
      await look(after, async (root) => {
        t.ok((await readFile(join(root, 'Windows/System32/a long name.dll'))).equals(noise(300_001, 3)));
        t.ok((await readFile(join(root, 'new dir/file 🚀 Ж.txt'))).equals(noise(100, 2)));
        t.ok((await readFile(join(root, 'etc/linked'))).equals(noise(100, 2)));
        t.ok(
          (await readFile(join(root, 'etc/other name'))).equals(old),
          'another name of a file is another file now',
        );
        t.equal((await stat(join(root, 'etc/second'))).ino, (await stat(join(root, 'etc/kept'))).ino);
        t.same((await readdir(root)).sort(), ['Windows', 'etc', 'new dir']);
        t.equal((await readdir(join(root, 'etc'))).length, 75);
        t.equal((await stat(join(root, 'new dir/none'))).size, 0);
      });
      const fs = await openFileSystem(overlay, 'ntfs');
      t.match(await fs.stat('/new dir/NONE', true), {
        value: { name: 'none', size: 0, mode: 0o444, mtime: 1_600_000_000 },
      });
      t.same(await readdir(work), []);
      for (const staged of [small, large, none]) {
        await staged.data.close();
        if (staged.name !== undefined) await store.remove(staged.name);
      }
    },
  );
}

const LONG = 'l'.repeat(200);

await t.test('the same edits at another moment give the same effect', async (t) => {
  const base = new MemoryDevice(
    'disk0p1',
    await image(8, async (root) => {
      await mkdir(join(root, 'many/more'), { recursive: true });
      await writeFile(join(root, 'old'), noise(5000, 1));
      await setAttribute(join(root, 'old'), 'system.ntfs_dos_name', 'OLD~1');
      await writeFile(join(root, 'first'), 'two names');
      await link(join(root, 'first'), join(root, 'many/second'));
      for (let i = 0; i < 30; i += 1)
        await writeFile(join(root, `many/more/some name that takes room ${i}`), `${i}`);
      await utimes(join(root, 'many'), 1_500_000_000, 1_500_000_000);
      // The root of its index does not fit into its record.
      await mkdir(join(root, 'two'));
      for (let i = 0; i < 3; i += 1) await writeFile(join(root, `two/${LONG}${i}`), 'x');
    }),
    { writable: false },
  );
  const content = await stage('again', noise(50_000, 4));
  const edits: VolumeEdit[] = [
    put('/old', content, true, 0o444),
    folder('/d'),
    put('/d/A long name', content),
    { edit: 'make-link', path: '/d/third', to: '/first' },
    { edit: 'remove-file', path: '/many/second' },
    ...Array.from(
      { length: 30 },
      (_, i): VolumeEdit => ({ edit: 'remove-file', path: `/many/more/some name that takes room ${i}` }),
    ),
    { edit: 'remove-directory', path: '/many/more' },
    put(`/two/${LONG}3`, content),
    ...Array.from({ length: 30 }, (_, i) => put(`/many/a name that makes the index grow ${i}`, content)),
  ];
  const hashes: string[] = [];
  const isFree = await kind.freeSpace(base, signal);
  for (let i = 0; i < 2; i += 1) {
    const overlay = new Overlay(base);
    t.same(await editor.edit(overlay, 'ntfs', edits, TIME, signal), DONE);
    hashes.push((await measureEffect(overlay, base, isFree)).hash);
    t.equal(await fsck(await contentOf(overlay)), '');
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  t.equal(hashes[0], hashes[1]);
  await content.data.close();
  await store.remove('again');
});

/** An access list that SYSTEM and Users inherit, in a descriptor of SYSTEM's. */
const PARENT = [
  '0100048014000000200000000000000030000000', // header: owner at 20, group at 32, list at 48
  ...['010100000000000512000000', '010100000000000512000000'],
  '00000000',
  '02003000' + '02000000',
  '00031400' + 'ff011f00' + '010100000000000512000000',
  '000b1400' + '00000080' + '010100000000000300000000',
].join('');

await t.test(
  'a new file inherits the access list of its directory, a replaced one keeps its own',
  async (t) => {
    const OWN = `0x${PARENT.slice(0, 40)}${PARENT.slice(40)}`;
    let kept = '';
    const base = new MemoryDevice(
      'disk0p1',
      await image(8, async (root) => {
        await mkdir(join(root, 'dir'));
        await setAttribute(join(root, 'dir'), 'system.ntfs_acl', OWN);
        await writeFile(join(root, 'dir/old file.txt'), 'old');
        await setAttribute(join(root, 'dir/old file.txt'), 'system.ntfs_dos_name', 'OLDFIL~1.TXT');
        await setAttribute(join(root, 'dir/old file.txt'), 'system.ntfs_attrib', '0x06000000');
        kept = await attribute(join(root, 'dir/old file.txt'), 'system.ntfs_acl');
      }),
    );
    const content = await stage('list', noise(5000, 4));
    const overlay = new Overlay(base);
    const edits: VolumeEdit[] = [
      put('/dir/oldfil~1.txt', content, true),
      put('/dir/new.txt', content),
      folder('/dir/sub'),
      put('/dir/sub/below', content),
    ];
    t.same(await editor.edit(overlay, 'ntfs', edits, TIME, signal), DONE);
    await kind.verify(base, overlay, edits, signal);
    const after = await contentOf(overlay);
    t.equal(await fsck(after), '');
    await look(after, async (root) => {
      t.same((await readdir(join(root, 'dir'))).sort(), ['new.txt', 'old file.txt', 'sub']);
      t.equal(await attribute(join(root, 'dir/old file.txt'), 'system.ntfs_acl'), kept);
      t.equal(
        await attribute(join(root, 'dir/old file.txt'), 'system.ntfs_attrib'),
        '0x26000000',
        'hidden and system',
      );
      t.equal((await readFile(join(root, 'dir/OLDFIL~1.TXT'))).byteLength, 5000, 'found by its short name');
      const made = await attribute(join(root, 'dir/new.txt'), 'system.ntfs_acl');
      t.match(
        made,
        toHex(Buffer.from('00101400ff011f00010100000000000512000000', 'hex')),
        'SYSTEM, inherited',
      );
      t.notMatch(made, '010100000000000100000000', 'and not everybody');
      t.equal(await attribute(join(root, 'dir/sub/below'), 'system.ntfs_acl'), made, 'as deep as it goes');
    });
    await content.data.close();
    await store.remove('list');
  },
);
