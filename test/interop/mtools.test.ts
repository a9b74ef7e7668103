import { readdir } from 'node:fs/promises';
import t from 'tap';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { measureEffect, Overlay, openFileSystem } from '../../src/storage/index.ts';
import { writableKind } from '../../src/storage/writable-kind.ts';
import { FAT_SHAPES } from '../kit/fat-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { mtoolsBench, namesIn, put, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import { contentOf } from '../kit/overlay-content.ts';

const { directory, store, work, editor, stage, image, fsck, dump } = await mtoolsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();
const DONE = { ok: true, value: undefined };
const kind = await writableKind('vfat');

await t.test('the tools are usable here, and nothing is left of trying them', async (t) => {
  t.same(editor.capabilities, { types: ['vfat'] });
  t.same(await readdir(work), []);
});

for (const [name, options, kib] of FAT_SHAPES.slice(0, 5)) {
  await t.test(
    `put, replace, make and remove on ${name}: as asked, checked, the base untouched`,
    async (t) => {
      const old = noise(20_000, 1);
      const before = await image(options, kib, [
        ['/EFI'],
        ['/EFI/boot'],
        ['/EFI/boot/BOOTX64.EFI', old],
        ['/etc'],
        ['/etc/a long name.conf', old],
        ['/etc/gone', old],
        ['/etc/kept', old],
        ['/empty'],
      ]);
      const base = new MemoryDevice('disk0p1', before.slice(), { writable: false });
      const overlay = new Overlay(base, { blockSize: await kind.granularity(base, signal) });
      const [small, large, none] = [
        await stage('small', noise(100, 2)),
        await stage('large', noise(300_001, 3)),
        await stage('none', new Uint8Array(0)),
      ];
      const edits: VolumeEdit[] = [
        put('/efi/boot/bootx64.efi', large, true),
        {
          edit: 'make-directory',
          path: '/new dir [1]',
          attributes: { mode: 0o755, uid: 0, gid: 0, mtime: TIME },
        },
        put('/new dir [1]/a [2] name.txt', small),
        put('/new dir [1]/none', none, false, 0o444),
        put('/ETC/ALONGN~1.CON', small, true),
        { edit: 'remove-file', path: '/etc/GONE' },
        { edit: 'remove-directory', path: '/Empty' },
      ];
      t.same(await editor.edit(overlay, 'vfat', edits, TIME, signal), DONE);
      await kind.verify(base, overlay, edits, signal);
      t.same(await editor.check(overlay, 'vfat', signal), DONE);
      t.ok(Buffer.from(base.bytes).equals(Buffer.from(before)), 'the base is as it was');
      const after = await contentOf(overlay);
      t.equal(await fsck(after), '');
      t.ok(
        Buffer.from((await dump(after, '/EFI/boot/BOOTX64.EFI')) ?? '').equals(
          Buffer.from(noise(300_001, 3)),
        ),
      );
      t.same(await dump(after, '/new dir [1]/a [2] name.txt'), noise(100, 2));
      t.same(await dump(after, '/etc/kept'), old);
      t.equal(await dump(after, '/etc/gone'), undefined);
      t.same(await namesIn(overlay, '/EFI/boot'), new Set(['BOOTX64.EFI']), 'the name is as it was');
      t.same(await namesIn(overlay, '/etc'), new Set(['a long name.conf', 'kept']));
      t.same(await namesIn(overlay, '/'), new Set(['EFI', 'etc', 'new dir [1]']));
      t.match(await (await openFileSystem(overlay, 'vfat')).stat('/new dir [1]/NONE', true), {
        value: { size: 0, mode: 0o444 },
      });
      t.same(await readdir(work), []);
      for (const staged of [small, large, none]) {
        await staged.data.close();
        await store.remove(staged.name);
      }
    },
  );
}

await t.test('the same edits at another moment give the same effect', async (t) => {
  const base = new MemoryDevice(
    'disk0p1',
    await image(['-F', '32', '-s', '1'], 40_000, [['/old', noise(5000, 1)]]),
  );
  const content = await stage('again', noise(50_000, 4));
  const edits: VolumeEdit[] = [
    put('/old', content, true, 0o444),
    { edit: 'make-directory', path: '/d', attributes: { mode: 0o755, uid: 0, gid: 0, mtime: TIME } },
    put('/d/A long name', content),
  ];
  const hashes: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    const overlay = new Overlay(base);
    t.ok((await editor.edit(overlay, 'vfat', edits, TIME, signal)).ok);
    hashes.push((await measureEffect(overlay, base, undefined)).hash);
    // Longer than the coarsest time stamp that the tools could have put in.
    await new Promise((resolve) => setTimeout(resolve, 2100));
  }
  t.equal(hashes[0], hashes[1]);
  await content.data.close();
  await store.remove('again');
});

await t.test('no room, a directory that is not empty, and a full root directory', async (t) => {
  const names = Array.from({ length: 16 }, (_, i): [string, Uint8Array] => [`/F${i}`, Uint8Array.of(i)]);
  const small = await image(['-F', '12', '-r', '16'], 200, [
    ['/d'],
    ['/d/x', noise(1, 1)],
    ...names.slice(0, 14),
  ]);
  const base = new MemoryDevice('disk0p1', small);
  const [big, one] = [await stage('big', noise(300_000, 5)), await stage('one', noise(10, 6))];
  const rows: readonly (readonly [VolumeEdit, string])[] = [
    [put('/d/big', big), 'NO_SPACE'],
    [put('/one more', one), 'NO_SPACE'],
    [{ edit: 'remove-directory', path: '/d' }, 'DIRECTORY_NOT_EMPTY'],
  ];
  for (const [edit, code] of rows) {
    const overlay = new Overlay(base, { blockSize: 512 });
    t.match(await editor.edit(overlay, 'vfat', [edit], TIME, signal), { refusal: { code } }, edit.path);
  }
  for (const staged of [big, one]) {
    await staged.data.close();
    await store.remove(staged.name);
  }
});

await t.test(
  'the checker refuses a volume left mounted, with tables that differ, or with lost clusters',
  async (t) => {
    for (const [options, kib, mark] of [
      [['-F', '16', '-s', '1'], 4200, 37],
      [['-F', '32', '-s', '1'], 40_000, 65],
    ] as const) {
      const clean = await image(options, kib, [['/a', noise(5000, 1)]]);
      const view = new DataView(clean.buffer);
      const table = view.getUint16(14, true) * view.getUint16(11, true);
      const width = mark === 37 ? 2 : 4;
      const length = (view.getUint16(22, true) || view.getUint32(36, true)) * view.getUint16(11, true);
      const altered = (...places: readonly (readonly [number, number])[]) => {
        const copy = clean.slice();
        for (const [at, value] of places) copy[at] = value;
        return new MemoryDevice('disk0p1', copy);
      };
      t.same(await editor.check(altered(), 'vfat', signal), DONE);
      const rows = [
        [altered([mark, 1]), /Dirty bit is set/],
        [altered([table + 2 * width - 1, mark === 37 ? 0x7f : 0x07]), /FATs differ|Dirty bit/],
        [altered([table + length + 700, 9]), /FATs differ/],
        [
          altered(
            [table + 200 * width, 0xff],
            [table + 200 * width + 1, 0xff],
            [table + length + 200 * width, 0xff],
            [table + length + 200 * width + 1, 0xff],
          ),
          /./,
        ],
      ] as const;
      for (const [device, finding] of rows) {
        t.match(await editor.check(device, 'vfat', signal), {
          refusal: { code: 'CHECK_FAILED', sentence: finding },
        });
      }
    }
  },
);

await t.test(
  'hidden and system files stay so when they are replaced; read-only as the order says',
  async (t) => {
    const base = new MemoryDevice(
      'disk0p1',
      await image(['-F', '16', '-s', '1'], 4200, [['/IO.SYS', noise(9, 1)]]),
    );
    const at = Buffer.from(base.bytes).indexOf('IO      SYS');
    base.bytes[at + 11] = 0x27;
    const content = await stage('marks', noise(20, 2));
    for (const [mode, marks] of [
      [0o644, 0x26],
      [0o444, 0x27],
    ] as const) {
      const overlay = new Overlay(base, { blockSize: 512 });
      const edits = [put('/io.sys', content, true, mode)];
      t.same(await editor.edit(overlay, 'vfat', edits, TIME, signal), DONE);
      await kind.verify(base, overlay, edits, signal);
      const after = await contentOf(overlay);
      t.equal(after[Buffer.from(after).indexOf('IO      SYS') + 11], marks);
    }
    await content.data.close();
    await store.remove('marks');
  },
);
