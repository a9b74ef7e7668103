import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB, utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { noise } from '../kit/noise.ts';
import { diskOf } from '../kit/volume-classes.ts';

const DATA_MIB = 8;
const DATA = 'disk0p1';
const ESP = 'disk0p2';
const CLUSTER = ['-F', '16', '-s', '1'] as const;

const place = await scratch();
const image = await diskOf(place.dir, [
  async (path) => {
    await makeFat(path, CLUSTER, DATA_MIB * 1024);
    for (const name of ['Keep Out', 'Reports of 2026', 'Reports of 2026/old'])
      await mtool(path, 'mmd', [`::${name}`]);
    for (const name of ['Keep Out/key', 'Reports of 2026/January.txt', 'Reports of 2026/old/a'])
      await mtool(path, 'mcopy', ['/etc/hostname', `::${name}`]);
  },
  async (path) => {
    await makeFat(path, CLUSTER, 8192);
    for (const name of ['EFI', 'EFI/Microsoft Windows', 'EFI/BOOT']) await mtool(path, 'mmd', [`::${name}`]);
    for (const name of [
      'EFI/BOOT/BOOTX64.EFI',
      'EFI/Microsoft Windows/bootmgfw.efi',
      'startup.nsh',
      'vendor.dat',
    ])
      await mtool(path, 'mcopy', ['/etc/hostname', `::${name}`]);
  },
]);
const host = await ColdHost.start({ image, protectedPaths: ['/Keep Out', '/not/yet'] });
t.teardown(async () => {
  await host.close();
  await place.remove();
});

/** The data volume as it lies on the disk, in a file of its own. */
async function dataVolume(): Promise<string> {
  const disk = await open(image, 'r');
  const bytes = Buffer.alloc(DATA_MIB * MiB);
  await disk.read(bytes, 0, bytes.byteLength, MiB);
  await disk.close();
  const path = join(place.dir, 'data');
  const file = await open(path, 'w');
  await file.write(bytes);
  await file.close();
  return path;
}

await t.test(
  'files are put, put over and removed, whatever the case, and fsck.fat finds nothing',
  async (t) => {
    const big = noise(2 * MiB + 17, 1);
    const put = await host.put('/New dir/A long name.bin', big, { volume: DATA, parents: true });
    t.match(put, { outcome: 'succeeded', result: { readBack: { from: 'medium' } } });
    const over = await host.put('/REPORTS OF 2026/january.TXT', utf8('new'), { volume: DATA, replace: true });
    t.match(
      over,
      { outcome: 'succeeded', result: { path: '/Reports of 2026/January.txt' } },
      'the stored name stays',
    );
    const gone = await host.give('file.delete', { volume: DATA, path: '/REPORT~1/OLD', recursive: true });
    t.match(gone, { outcome: 'succeeded', result: { removed: 2, absent: 1 } });
    const volume = await dataVolume();
    await run('fsck.fat', ['-n', volume]);
    const names = (await mtool(volume, 'mdir', ['-b', '-/', '::'])).trim().split('\n');
    t.same(names.sort(), [
      '::/Keep Out/',
      '::/Keep Out/key',
      '::/New dir/',
      '::/New dir/A long name.bin',
      '::/Reports of 2026/',
      '::/Reports of 2026/January.txt',
    ]);
    const copy = join(place.dir, 'copy');
    await mtool(volume, 'mcopy', ['::/New dir/A long name.bin', copy]);
    t.ok((await readFile(copy)).equals(Buffer.from(big)));
  },
);

await t.test('an approved effect is made again bit for bit', async (t) => {
  const order = { volume: DATA, mtime: 1_700_000_001 };
  const dry = await host.put('/approved', utf8('yes'), { ...order, dryRun: true });
  const effect = dry.result?.effect.hash;
  if (effect === undefined) throw new Error('no effect');
  t.match(await host.put('/approved', utf8('yes'), { ...order, effect }), { outcome: 'succeeded' });
  const stat = await host.give('file.stat', { volume: DATA, path: '/APPROVED' });
  t.equal(stat.result?.file.mtime, 1_700_000_000, 'the even second before');
});

await t.test('what FAT cannot keep is said in the receipt, and what it can is kept', async (t) => {
  const order = { volume: DATA, mtime: 1_700_000_000 };
  const plain = await host.put('/plain', utf8('x'), order);
  const odd = await host.put('/odd', utf8('x'), { ...order, uid: 1000, mode: 0o750, mtime: 1_700_000_001 });
  const notes = odd.result?.volume.notes.filter((note) => !plain.result?.volume.notes.includes(note));
  t.match(notes, [/no owner and no group/, /whether the file may be written/, /even seconds/]);
  const readOnly = await host.put('/read only', utf8('x'), { ...order, mode: 0o444 });
  t.same(readOnly.result?.volume.notes, plain.result?.volume.notes);
  const stat = await host.give('file.stat', { volume: DATA, path: '/read only' });
  t.equal(stat.result?.file.mode, 0o444);
});

await t.test(
  'names that FAT, its programs or Windows cannot have are refused before anything is sent',
  async (t) => {
    for (const name of [
      'con',
      'NUL.txt',
      'Com1.log',
      'lpt\u00b9',
      'dot.',
      'blank ',
      ' blank',
      'a*',
      'a?b',
      'c:x',
      '😀',
    ])
      t.match(
        await host.put(`/${name}`, utf8('x'), { volume: DATA }),
        { outcome: 'refused', code: 'NAME_UNSUPPORTED' },
        name,
      );
    t.match(await host.put('/aux/x', utf8('x'), { volume: DATA, parents: true }), {
      code: 'NAME_UNSUPPORTED',
    });
    t.match(await host.put('/REPORT~1', utf8('x'), { volume: DATA }), { code: 'IS_A_DIRECTORY' });
    t.match(await host.put('/PLAIN', utf8('x'), { volume: DATA }), { code: 'FILE_EXISTS' });
  },
);

await t.test('a protected path holds in any case, by its short name, and before it is there', async (t) => {
  for (const path of ['/Keep Out/key', '/KEEP OUT/KEY', '/keepou~1/key', '/KEEPOU~1', '/Keep out'])
    t.match(
      await host.give('file.delete', { volume: DATA, path, recursive: true }),
      { outcome: 'refused', code: 'PATH_PROTECTED' },
      path,
    );
  for (const path of ['/keepou~1/new', '/KEEP OUT/new', '/NOT/YET', '/Not/yet/x'])
    t.match(
      await host.put(path, utf8('x'), { volume: DATA, parents: true }),
      { outcome: 'refused', code: 'PATH_PROTECTED' },
      path,
    );
  for (const path of ['/Keep Out./new', '/Keep Out /new', '/NOT/YET.'])
    t.match(
      await host.put(path, utf8('x'), { volume: DATA, parents: true }),
      { outcome: 'refused', code: 'NAME_UNSUPPORTED' },
      `${path}: blanks and dots at the end are dropped by others`,
    );
});

await t.test('/EFI is what a host starts from, in any case and by any name', async (t) => {
  const alone = { tokens: async () => undefined };
  const NAMED = ['/efi/boot/bootx64.efi', '/EFI/MICROS~1/BOOTMGFW.EFI', '/startup.nsh', '/STARTUP.NSH'];
  for (const path of [...NAMED, '/vendor.dat', '/VENDOR.DAT'])
    t.match(
      await host.give('file.delete', { volume: ESP, path }, alone),
      { outcome: NAMED.includes(path) ? 'rejected' : 'refused', code: 'NEEDS_TOKEN' },
      path,
    );
  const over = { volume: ESP, replace: true };
  t.match(await host.put('/eFi/BOOT/bootx64.efi', utf8('x'), { ...over, ...alone }), { code: 'NEEDS_TOKEN' });
  const put = await host.put('/efi/boot/bootx64.efi', utf8('by two people'), over);
  t.match(put, { outcome: 'succeeded', result: { path: '/EFI/BOOT/BOOTX64.EFI' } });
});
