import t from 'tap';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { Overlay } from '../../src/storage/index.ts';
import { writableKind } from '../../src/storage/writable-kind.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { mtoolsBench, namesIn, put, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import { contentOf } from '../kit/overlay-content.ts';

const { directory, store, editor, stage, image, dump } = await mtoolsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();
const DONE = { ok: true, value: undefined };
const kind = await writableKind('vfat');

await t.test('names that patterns and drives could trip over arrive as they are', async (t) => {
  const base = new MemoryDevice(
    'disk0p1',
    await image(['-F', '16', '-s', '1'], 4200, [['/b'], ['/a', noise(9, 9)]]),
  );
  const overlay = new Overlay(base, { blockSize: 512 });
  const content = await stage('name', Uint8Array.of(1, 2, 3));
  const names = [
    '-i',
    '--help',
    '[ab]',
    '[',
    ']',
    'a[',
    '[[]',
    '[!x]',
    'A~1',
    'LONGNA~1.TXT',
    '~',
    'a+~',
    'Δ~',
    '.hidden',
    'two..dots',
    'a.b.c.d',
    'blank in it',
    "it's",
    '#x',
    ';ls',
    '$(x)',
    '%PATH%',
    '{a,b}',
    'a+b=c',
    'CONSOLE',
    'com',
    'ü.txt',
    'Øre',
    'ÿ',
    'İstanbul',
    '日本語.txt',
    'Ωμέγα',
    'mixed.Case',
    'lower.txt',
    'UPPER.TXT',
    'é',
    'ünï6',
    'naïve.txt',
    'é'.repeat(127),
    'x'.repeat(255),
  ];
  const edits = names.map((name) => put(`/b/${name}`, content));
  t.same(await editor.edit(overlay, 'vfat', edits, TIME, signal), DONE);
  t.same(await namesIn(overlay, '/b'), new Set(names));
  await kind.verify(base, overlay, edits, signal);
  t.same(await editor.check(overlay, 'vfat', signal), DONE);
  const seen = await contentOf(overlay);
  for (const name of ['-i', '[[]', 'A~1', 'ü.txt', '日本語.txt', 'İstanbul'])
    t.same(await dump(seen, `/b/${name}`), Uint8Array.of(1, 2, 3), `mtools finds ${name}`);
  const frozen = new MemoryDevice('disk0p1', await contentOf(overlay));
  const second = new Overlay(frozen, { blockSize: 512 });
  const removals = names
    .filter((name) => name !== ']')
    .map((name): VolumeEdit => ({ edit: 'remove-file', path: `/b/${name}` }));
  const [last] = removals;
  t.same(await editor.edit(second, 'vfat', removals, TIME, signal), DONE);
  await kind.verify(frozen, second, removals, signal);
  t.ok(last);
  t.same(await namesIn(second, '/b'), new Set([']']));
  t.same(await editor.check(second, 'vfat', signal), DONE);
  await content.data.close();
  await store.remove('name');
});

await t.test('what FAT or its programs cannot be told is refused, and nothing is run', async (t) => {
  const base = new MemoryDevice(
    'disk0p1',
    await image(['-F', '16', '-s', '1'], 4200, [['/b'], ['/a', noise(9, 9)]]),
  );
  const overlay = new Overlay(base, { blockSize: 512 });
  const content = await stage('refused', Uint8Array.of(1));
  const unsupported = [
    '*',
    'a?',
    'c:x',
    ':',
    'a"b',
    '<',
    '>',
    'a|b',
    'back\\slash',
    'dot.',
    'blank ',
    '...',
    'a\u{1f600}',
    'a\nb',
    'x'.repeat(256),
  ];
  for (const name of unsupported) {
    for (const edit of [put(`/b/${name}`, content), { edit: 'remove-file', path: `/b/${name}` } as const]) {
      t.match(
        await editor.edit(overlay, 'vfat', [edit], TIME, signal),
        { ok: false, refusal: { code: 'NAME_UNSUPPORTED' } },
        `${edit.edit} ${JSON.stringify(name)}`,
      );
    }
  }
  const rows: readonly (readonly [VolumeEdit, string])[] = [
    [{ edit: 'remove-file', path: '/none' }, 'NO_SUCH_FILE'],
    [{ edit: 'remove-file', path: '/[a-z]' }, 'NO_SUCH_FILE'],
    [put('/A', content), 'FILE_EXISTS'],
    [put('/c', content, true), 'NO_SUCH_FILE'],
  ];
  for (const [edit, code] of rows) {
    t.match(await editor.edit(overlay, 'vfat', [edit], TIME, signal), { refusal: { code } }, edit.path);
  }
  t.same(overlay.changedBlocks(), []);
  await content.data.close();
  await store.remove('refused');
});

await t.test('two entries that answer to one name are left alone', async (t) => {
  const volume = await image(['-F', '16', '-s', '1'], 4200, [
    ['/ONE', noise(9, 1)],
    ['/TWO', noise(9, 2)],
  ]);
  const at = Buffer.from(volume).indexOf('TWO        ');
  volume.set(Buffer.from('ONE'), at);
  const overlay = new Overlay(new MemoryDevice('disk0p1', volume), { blockSize: 512 });
  const edit: VolumeEdit = { edit: 'remove-file', path: '/one' };
  t.match(await editor.edit(overlay, 'vfat', [edit], TIME, signal), {
    refusal: { code: 'NAME_UNSUPPORTED' },
  });
});

await t.test('a file that is put over keeps the case of its name and its short name', async (t) => {
  const names = [
    'lower.txt',
    'UPPER.TXT',
    'STEM.low',
    'Mixed.Txt',
    'noext',
    'ünï6',
    'a long name',
    'BOOTX64.EFI',
  ];
  const base = new MemoryDevice(
    'disk0p1',
    await image(
      ['-F', '16', '-s', '1'],
      4200,
      names.map((name): [string, Uint8Array] => [`/${name}`, noise(9, 1)]),
    ),
  );
  const before = await namesIn(new Overlay(base, { blockSize: 512 }), '/');
  const overlay = new Overlay(base, { blockSize: 512 });
  const content = await stage('over', noise(20, 2));
  const edits = [...before].map((name) => put(`/${name}`.toUpperCase(), content, true));
  t.same(await editor.edit(overlay, 'vfat', edits, TIME, signal), DONE);
  await kind.verify(base, overlay, edits, signal);
  t.same(await namesIn(overlay, '/'), before);
  t.ok(Buffer.from(await contentOf(overlay)).includes('BOOTX64 EFI'));
  t.same(await editor.check(overlay, 'vfat', signal), DONE);
  await content.data.close();
  await store.remove('over');
});
