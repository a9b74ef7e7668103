import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { keepAttributes } from '../../../src/adapters/keep-attributes.ts';
import { readOwner, readXattrs, writeXattrs } from '../../../src/adapters/local-xattrs.ts';
import { scratch } from '../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

async function fresh(name: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, 'contents', { mode: 0o600 });
  return path;
}

await t.test('attributes are set and read as they are, whatever is in name and value', async (t) => {
  const path = await fresh('-odd = name\n\\ü');
  const xattrs = [
    { name: 'user.a=b\\c', value: Buffer.from([0, 10, 61, 255]) },
    { name: 'user.empty', value: Buffer.alloc(0) },
    { name: 'user.Übung', value: Buffer.from('# file: ./other\nuser.x=0x00\n') },
  ];
  const { missing } = await writeXattrs(path, xattrs);
  const read = await readXattrs(path);
  const found = read.ok ? read.xattrs.filter(({ name }) => name.startsWith('user.')) : [];
  t.same(
    [...found.map(({ name }) => name), ...missing].sort(),
    xattrs.map(({ name }) => name).sort(),
    'each is there, or is said to be missing',
  );
  for (const { name, value } of found) {
    t.same(Buffer.from(value), xattrs.find((each) => each.name === name)?.value, name);
  }
});

await t.test('what cannot be set is named, with a reason', async (t) => {
  const path = await fresh('refused');
  const { missing, why } = await writeXattrs(path, [{ name: 'nonsense.none', value: Buffer.from('x') }]);
  t.same(missing, ['nonsense.none']);
  t.not(why, '');
  const gone = await readXattrs(join(dir, 'absent'));
  t.match(gone, { ok: false, why: /No such file/ });
});

await t.test('without the program that sets them, nothing is claimed', async (t) => {
  const path = await fresh('no-program');
  const before = process.env.PATH;
  process.env.PATH = dir;
  t.teardown(() => {
    process.env.PATH = before;
  });
  t.match(await readXattrs(path), { ok: false, why: /getfattr is not here.*package attr/ });
  const kept = await keepAttributes(
    path,
    { mode: 0o600, ...own, mtime: 5, xattrs: [{ name: 'user.a', value: Buffer.from('x') }] },
    true,
  );
  t.match(kept, [/user\.a: getfattr is not here/]);
});

await t.test('mode and time are always those of the host; its group is not ours', async (t) => {
  for (const [mode, here] of [
    [0o644, 0o644],
    [0o640, 0o600],
    [0o664, 0o644],
    [0o4755, 0o755],
    [0o000, 0o000],
    [0o777, 0o777],
  ] as const) {
    const path = await fresh(`mode-${mode}`);
    const known = { mode, uid: 12_345, gid: 54_321, mtime: 1_600_000_000, mtimeNanoseconds: 123_456_789 };
    t.same(await keepAttributes(path, known, false), []);
    const facts = await stat(path);
    t.equal(facts.mode & 0o7777, here, mode.toString(8));
    t.equal(Math.floor(facts.mtimeMs / 1000), 1_600_000_000);
    t.equal((await readOwner(path)).mtimeNanoseconds, 123_456_789);
  }
});

await t.test(
  'with preserve, all of the mode of an own file; what only its filesystem has is named',
  async (t) => {
    const path = await fresh('own');
    const known = {
      mode: 0o4750,
      ...own,
      mtime: 1_500_000_000,
      atime: 1_400_000_000,
      xattrs: [
        { name: 'system.ntfs_acl', value: Buffer.from('x') },
        { name: 'user.large', value: undefined },
      ],
    };
    t.match(await keepAttributes(path, known, true), [/^user\.large: .*room/, /^system\.ntfs_acl: /]);
    const facts = await stat(path);
    t.match({ mode: facts.mode & 0o7777, atime: facts.atimeMs }, { mode: 0o4750, atime: 1_400_000_000_000 });
  },
);
