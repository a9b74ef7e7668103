import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { MiB, utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { makeExt4, run, scratch } from '../kit/disk-tools.ts';
import { makeFat } from '../kit/fat-volume.ts';
import { makeNtfs, withNtfs3g } from '../kit/ntfs-volume.ts';
import { diskOf } from '../kit/volume-classes.ts';

const COMPOSED = 'Gr\u00f6\u00dfe';
const COMBINING = 'Gro\u0308\u00dfe';
const MIXED = 'MiXeD 長い عربى हिन्दी.TxT';
const NAMES = [COMPOSED, COMBINING, MIXED];

const place = await scratch();
const image = await diskOf(place.dir, [
  async (path) => {
    await makeExt4({ path, size: 8 * MiB });
    await writeFile(`${place.dir}/odd`, 'odd');
    await run('debugfs', ['-w', '-R', `write ${place.dir}/odd \x1b[31mred\x07`, path]);
  },
  (path) => makeFat(path, ['-F', '16', '-s', '1'], 8192),
  async (path) => {
    await makeNtfs(path, 8);
    await withNtfs3g(
      path,
      `${place.dir}/mount`,
      async (root) => {
        await writeFile(`${root}/guarded.txt`, 'before');
        await run('chown', ['1234:5678', `${root}/guarded.txt`]);
        await run('setfattr', ['-n', 'system.ntfs_attrib', '-v', '0x22000000', `${root}/guarded.txt`]);
      },
      'permissions',
    );
  },
]);
const host = await ColdHost.start({ image });
t.teardown(async () => {
  await host.close();
  await place.remove();
});

async function namesOn(volume: string): Promise<string[]> {
  const listed = await host.give('file.list', { volume, path: '/' });
  return (listed.result?.entries ?? []).map(({ name }) => name);
}

for (const [volume, type, longest] of [
  ['disk0p1', 'ext4', 'ж'.repeat(127)],
  ['disk0p2', 'vfat', '長'.repeat(84)],
  ['disk0p3', 'ntfs', '長'.repeat(84)],
] as const) {
  await t.test(`${type}: a name comes back as it was given, by ls, stat and get`, async (t) => {
    const names = [...NAMES, longest];
    for (const name of names) {
      const put = await host.put(`/${name}`, utf8(name), { volume });
      t.match(put, { outcome: 'succeeded' }, `${name}: ${put.code} ${put.sentence}`);
    }
    const there = await namesOn(volume);
    t.same(
      names.filter((name) => !there.includes(name)),
      [],
    );
    for (const name of names) {
      const got = await host.get(`/${name}`, { volume });
      t.match(got, { outcome: 'succeeded', result: { path: `/${name}` } });
      t.equal(Buffer.from(got.sink.finished ?? []).toString(), name);
    }
  });

  await t.test(
    `${type}: names that differ in case alone are ${type === 'ext4' ? 'two' : 'one'}`,
    async (t) => {
      const other = await host.put(`/${MIXED.toLowerCase()}`, utf8('other'), { volume });
      if (type === 'ext4') t.equal(other.outcome, 'succeeded');
      else t.match(other, { outcome: 'refused', code: 'FILE_EXISTS' });
      const alike = (await namesOn(volume)).filter((name) => name.toLowerCase() === MIXED.toLowerCase());
      t.equal(alike.length, type === 'ext4' ? 2 : 1);
    },
  );
}

await t.test('control characters in a name are read as they are, and put nowhere', async (t) => {
  const there = await namesOn('disk0p1');
  t.ok(there.includes('\x1b[31mred\x07'), 'an answer says what is there; who shows it makes it harmless');
  const put = await host.put('/red\x07', utf8('x'), { volume: 'disk0p1' });
  t.match(put, { outcome: 'refused' });
});

await t.test(
  'NTFS: a file that is put over keeps access list and attributes; what is lost is said',
  async (t) => {
    const facts = async () => {
      const stat = await host.give('file.stat', { volume: 'disk0p3', path: '/guarded.txt', xattrs: true });
      return stat.result?.file;
    };
    const before = await facts();
    t.match(before?.xattrs, [{ name: 'system.ntfs_acl' }, { name: 'system.ntfs_attrib' }]);
    const put = await host.put('/GUARDED.TXT', utf8('after'), {
      volume: 'disk0p3',
      replace: true,
      uid: 5,
      mtime: 1_600_000_000,
      mtimeNanoseconds: 123_456_789,
    });
    t.equal(put.outcome, 'succeeded', `${put.sentence}`);
    t.match(put.result?.volume.notes.at(-1), /keeps no owner and no group/);
    const after = await facts();
    t.same(after?.xattrs, before?.xattrs);
    t.match(after, { mtime: 1_600_000_000, mtimeNanoseconds: 123_456_700 });
    t.equal(after?.birth, before?.birth);
  },
);
