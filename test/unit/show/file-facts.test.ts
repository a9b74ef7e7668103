import t from 'tap';
import { carriedLine, fileLines } from '../../../src/show/file-facts.ts';

const base = {
  kind: 'file' as const,
  size: 5000,
  mode: 0o640,
  uid: 0,
  gid: 5,
  links: 2,
  inode: 12,
  mtime: 0,
};
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

await t.test('what a file carries is shown a line each, and nothing where it carries nothing', (t) => {
  t.same(fileLines(base), [
    '-rw-r----- (0640), owner 0:5, 2 links, inode 12',
    'modified 1970-01-01 00:00:00Z',
  ]);
  const lines = fileLines({
    ...base,
    mtimeNanoseconds: 120_000_000,
    birth: 60,
    atime: 86_400,
    allocated: 4096,
    xattrs: [
      { name: 'security.selinux', size: 6, value: Buffer.from('etc_t\0') },
      {
        name: 'system.posix_acl_access',
        size: 44,
        value: hex(
          '0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff',
        ),
      },
      { name: 'user.binary', size: 2, value: hex('00ff') },
      { name: 'user.escape', size: 3, value: hex('1b5b6d') },
      { name: 'user.named', size: 70 },
    ],
    moreXattrs: 3,
  });
  t.same(lines.slice(1), [
    'modified 1970-01-01 00:00:00.12Z, born 1970-01-01 00:01:00Z, read 1970-01-02 00:00:00Z',
    'takes 4.0 KiB (4096 B) on the disk: the rest is holes',
    '8 extended attributes:',
    '  security.selinux         "etc_t"',
    '  system.posix_acl_access  user::rw- user:1000:r-- group::r-- mask::r-- other::---',
    '  user.binary              0x00ff',
    '  user.escape              0x1b5b6d',
    '  user.named               70 B',
    '  … and 3 more',
  ]);
  t.end();
});

await t.test(
  'of a fetched file is said what it had beside its contents, and what every file has is not',
  (t) => {
    const named = (...names: string[]) => ({ ...base, xattrs: names.map((name) => ({ name, size: 1 })) });
    t.same(carriedLine(named('security.selinux', 'system.ntfs_attrib')), []);
    t.same(carriedLine(named('security.selinux', 'user.a', 'security.capability')), [
      'it has on the host: user.a, security.capability',
    ]);
    t.end();
  },
);

await t.test('an ACL that is none is shown as bytes', (t) => {
  const odd = { ...base, xattrs: [{ name: 'system.posix_acl_access', size: 3, value: hex('020000') }] };
  t.match(fileLines(odd).at(-1), /0x020000$/);
  t.end();
});
