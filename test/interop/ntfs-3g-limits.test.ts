import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { Overlay } from '../../src/storage/index.ts';
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
const setAttribute = (path: string, name: string, value: string) =>
  run('setfattr', ['-h', '-n', name, '-v', value, path]);

await t.test('what must not be done is refused, and nothing is written', async (t) => {
  const base = new MemoryDevice(
    'disk0p1',
    await image(8, async (root) => {
      await mkdir(join(root, 'full'));
      await writeFile(join(root, 'full/x'), 'x');
      await writeFile(join(root, 'plain'), 'x');
      await writeFile(join(root, 'twin'), '1');
      await writeFile(join(root, 'TWIN'), '2');
    }),
  );
  const content = await stage('refused', noise(9_000_000, 4));
  const small = await stage('little', noise(20, 4));
  const rows: readonly [string, VolumeEdit][] = [
    ['NO_SPACE', put('/large', content)],
    ['DIRECTORY_NOT_EMPTY', { edit: 'remove-directory', path: '/full' }],
    ['FILE_EXISTS', put('/PLAIN', small)],
    ['NO_SUCH_FILE', put('/absent', small, true)],
    ['NO_SUCH_FILE', put('/nowhere/x', small)],
    ['NOT_A_DIRECTORY', put('/plain/x', small)],
    ['PATH_PROTECTED', put('/$MFT', small, true)],
    ['PATH_PROTECTED', put('/$Extend/x', small)],
    ['PATH_PROTECTED', { edit: 'remove-file', path: '/$logfile' }],
    ['NAME_UNSUPPORTED', put('/twin', small, true)],
    ['LINKS_UNSUPPORTED', { edit: 'make-symlink', path: '/link', target: 'plain', attributes }],
  ];
  for (const [code, edit] of rows) {
    const overlay = new Overlay(base);
    t.match(
      await editor.edit(overlay, 'ntfs', [edit], TIME, signal),
      { refusal: { code } },
      `${edit.edit} ${edit.path}`,
    );
  }
  t.same(await readdir(work), []);
  for (const staged of [content, small]) {
    await staged.data.close();
    if (staged.name !== undefined) await store.remove(staged.name);
  }
});

await t.test(
  'what Windows keeps in other forms is put over whole, or refused where something would be lost',
  async (t) => {
    const path = join(directory.path, 'image');
    const filled = await image(8, async (root) => {
      await mkdir(join(root, 'packed'));
      await setAttribute(join(root, 'packed'), 'system.ntfs_attrib', '0x30080000');
      for (const name of ['packed/old', 'packed/gone'])
        await writeFile(join(root, name), Buffer.alloc(200_000, 'tick '));
      const sparse = await open(join(root, 'sparse'), 'w');
      await sparse.write(Buffer.from('end'), 0, 3, 900_000);
      await sparse.close();
      await symlink('packed', join(root, 'link'));
      await writeFile(join(root, 'streams'), 'one');
    });
    await writeFile(path, filled);
    const source = join(directory.path, 'source');
    await writeFile(source, 'the zone that it came from');
    await run('ntfscp', ['-q', '-N', 'Zone.Identifier', path, source, '/streams']);
    const base = new MemoryDevice('disk0p1', new Uint8Array(await readFile(path)));
    const [large, small] = [await stage('whole', noise(300_001, 5)), await stage('part', noise(7000, 6))];
    const nameless = { size: small.size, data: small.data };
    const overlay = new Overlay(base);
    const edits: VolumeEdit[] = [
      put('/packed/old', large, true),
      put('/packed/small', small),
      put('/packed/large', large),
      { edit: 'remove-file', path: '/packed/gone' },
      put('/sparse', nameless, true),
      { edit: 'remove-file', path: '/link' },
    ];
    t.same(await editor.edit(overlay, 'ntfs', edits, TIME, signal), DONE);
    await kind.verify(base, overlay, edits, signal);
    const after = await contentOf(overlay);
    t.equal(await fsck(after), '');
    await look(after, async (root) => {
      for (const name of ['old', 'large'])
        t.ok((await readFile(join(root, 'packed', name))).equals(noise(300_001, 5)), name);
      for (const name of ['packed/small', 'sparse'])
        t.ok((await readFile(join(root, name))).equals(noise(7000, 6)), name);
      t.same((await readdir(root)).sort(), ['packed', 'sparse', 'streams']);
    });
    t.match(await editor.edit(new Overlay(base), 'ntfs', [put('/streams', small, true)], TIME, signal), {
      refusal: { code: 'FILE_UNSUPPORTED', sentence: /Zone\.Identifier/ },
    });
    for (const staged of [large, small]) {
      await staged.data.close();
      if (staged.name !== undefined) await store.remove(staged.name);
    }
  },
);
