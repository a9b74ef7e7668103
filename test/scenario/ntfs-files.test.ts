import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB, utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { noise } from '../kit/noise.ts';
import { makeNtfs, withNtfs3g } from '../kit/ntfs-volume.ts';
import { diskOf } from '../kit/volume-classes.ts';

const MIB = 8;
const WINDOWS = 'disk0p1';
const OTHER = 'disk0p2';

const place = await scratch();
const mount = join(place.dir, 'mount');
const shortName = (path: string, name: string) =>
  run('setfattr', ['-n', 'system.ntfs_dos_name', '-v', name, path]);
const image = await diskOf(place.dir, [
  async (path) => {
    await makeNtfs(path, MIB);
    await withNtfs3g(path, mount, async (root) => {
      for (const dir of [
        'Windows/System32/drivers',
        'Program Files/Agent',
        'Users/Reports of 2026/old',
        'Keep Out',
      ])
        await mkdir(join(root, dir), { recursive: true });
      for (const file of [
        'Windows/System32/drivers/disk.sys',
        'Program Files/Agent/agent.exe',
        'Users/Reports of 2026/January.txt',
        'Users/Reports of 2026/old/a',
        'Keep Out/key',
        'bootmgr',
      ])
        await writeFile(join(root, file), file);
      await shortName(join(root, 'Windows'), 'WINDOW~1');
      await shortName(join(root, 'Program Files'), 'PROGRA~1');
      await shortName(join(root, 'Users/Reports of 2026'), 'REPORT~1');
      await shortName(join(root, 'Keep Out'), 'KEEPOU~1');
    });
  },
  async (path) => {
    await makeNtfs(path, MIB);
    await withNtfs3g(path, mount, async (root) => writeFile(join(root, 'there'), 'x'));
  },
]);
const host = await ColdHost.start({ image, protectedPaths: ['/Keep Out', '/not/yet'] });
t.teardown(async () => {
  await host.close();
  await place.remove();
});

/** The first volume as it lies on the disk, in a file of its own. */
async function windows(): Promise<string> {
  const disk = await open(image, 'r');
  const bytes = Buffer.alloc(MIB * MiB);
  await disk.read(bytes, 0, bytes.byteLength, MiB);
  await disk.close();
  const path = join(place.dir, 'windows');
  await writeFile(path, bytes);
  return path;
}

await t.test(
  'files are put, put over and removed, whatever the case, and nothing is found wrong',
  async (t) => {
    const big = noise(2 * MiB + 17, 1);
    const put = await host.put('/Users/New dir/A long name 🚀.bin', big, { volume: WINDOWS, parents: true });
    t.match(put, { outcome: 'succeeded', result: { readBack: { from: 'medium' } } });
    const over = { volume: WINDOWS, replace: true };
    t.match(
      await host.put('/USERS/REPORTS OF 2026/january.TXT', utf8('new'), over),
      { outcome: 'succeeded', result: { path: '/Users/Reports of 2026/January.txt' } },
      'the stored name stays',
    );
    const gone = await host.give('file.delete', {
      volume: WINDOWS,
      path: '/users/REPORT~1/OLD',
      recursive: true,
    });
    t.match(gone, { outcome: 'succeeded', result: { removed: 2, absent: 1 } });
    const volume = await windows();
    await run('ntfsfix', ['-n', volume]);
    await run('ntfsresize', ['--check', '--force', volume]);
    await withNtfs3g(volume, mount, async (root) => {
      t.ok((await readFile(join(root, 'Users/New dir/A long name 🚀.bin'))).equals(Buffer.from(big)));
      t.equal(await readFile(join(root, 'Users/Reports of 2026/January.txt'), 'utf8'), 'new');
      t.equal(await readFile(join(root, 'bootmgr'), 'utf8'), 'bootmgr');
    });
  },
);

await t.test('an approved effect is made again bit for bit', async (t) => {
  const order = { volume: WINDOWS, mtime: 1_700_000_001 };
  const dry = await host.put('/Users/approved', utf8('yes'), { ...order, dryRun: true });
  const effect = dry.result?.effect.hash;
  if (effect === undefined) throw new Error('no effect');
  t.match(await host.put('/Users/approved', utf8('yes'), { ...order, effect }), { outcome: 'succeeded' });
  const stat = await host.give('file.stat', { volume: WINDOWS, path: '/users/APPROVED' });
  t.equal(stat.result?.file.mtime, 1_700_000_001);
});

await t.test('names that Windows cannot have are refused before anything is sent', async (t) => {
  for (const name of [
    'con',
    'NUL.txt',
    'Com1.log',
    'lpt\u00b9',
    'dot.',
    'blank ',
    'a*',
    'a?b',
    'file:stream',
    'a\\b',
  ])
    t.match(
      await host.put(`/Users/${name}`, utf8('x'), { volume: WINDOWS }),
      { outcome: 'refused', code: 'NAME_UNSUPPORTED' },
      name,
    );
  t.match(await host.put('/aux/x', utf8('x'), { volume: WINDOWS, parents: true }), {
    code: 'NAME_UNSUPPORTED',
  });
  t.match(await host.put('/Users/REPORT~1', utf8('x'), { volume: WINDOWS }), { code: 'IS_A_DIRECTORY' });
  t.match(await host.put('/Users/APPROVED', utf8('x'), { volume: WINDOWS }), { code: 'FILE_EXISTS' });
});

await t.test('a protected path holds in any case, by its short name, and before it is there', async (t) => {
  const protectedHere = { outcome: 'refused', code: 'PATH_PROTECTED' };
  for (const path of ['/Keep Out/key', '/KEEP OUT/KEY', '/keepou~1/key', '/KEEPOU~1'])
    t.match(await host.give('file.delete', { volume: WINDOWS, path, recursive: true }), protectedHere, path);
  for (const path of ['/keepou~1/new', '/KEEP OUT/new', '/NOT/YET', '/Not/yet/x'])
    t.match(await host.put(path, utf8('x'), { volume: WINDOWS, parents: true }), protectedHere, path);
});

await t.test('what Windows starts from is not one person’s, in any case and by any name', async (t) => {
  const alone = { tokens: async () => undefined };
  const over = { volume: WINDOWS, replace: true, ...alone };
  for (const path of [
    '/Windows/System32/drivers/disk.sys',
    '/WINDOWS/system32/DRIVERS/Disk.sys',
    '/windoW~1/System32/drivers/disk.sys',
    '/Program Files/Agent/agent.exe',
    '/PROGRA~1/AGENT/agent.exe',
    '/BOOTMGR',
  ]) {
    const put = await host.put(path, utf8('x'), over);
    t.match(put, { outcome: /^re(jected|fused)$/, code: 'NEEDS_TOKEN' }, path);
    const rm = await host.give('file.delete', { volume: WINDOWS, path }, alone);
    t.match(rm, { outcome: /^re(jected|fused)$/, code: 'NEEDS_TOKEN' }, path);
  }
  for (const path of ['/windows/new.dll', '/WINDOW~1/new.dll', '/progra~1/Agent/version.dll']) {
    const put = await host.put(path, utf8('x'), { volume: WINDOWS, ...alone });
    t.match(put, { outcome: /^re(jected|fused)$/, code: 'NEEDS_TOKEN' }, `${path}, where none is`);
  }
  const both = await host.put('/windows/system32/DRIVERS/disk.sys', utf8('by two people'), {
    volume: WINDOWS,
    replace: true,
  });
  t.match(both, { outcome: 'succeeded', result: { path: '/Windows/System32/drivers/disk.sys' } });
});

await t.test('a volume that Windows has not let go of is not written, and not one beside it', async (t) => {
  const hiberfil = Buffer.alloc(8192);
  hiberfil.write('hibr');
  const volume = await windows();
  const source = join(place.dir, 'hiberfil');
  await writeFile(source, hiberfil);
  await run('ntfscp', ['-q', volume, source, '/hiberfil.sys']);
  const disk = await open(image, 'r+');
  await disk.write(await readFile(volume), 0, MIB * MiB, MiB);
  await disk.close();
  for (const on of [WINDOWS, OTHER]) {
    const put = await host.put('/x', utf8('x'), { volume: on });
    t.match(put, { outcome: 'refused', code: /HIBERNATED/ }, on);
  }
});
