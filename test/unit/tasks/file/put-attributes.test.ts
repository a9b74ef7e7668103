import t from 'tap';
import type { ExtendedAttribute, FileStat, VolumeFacts } from '../../../../src/ports/index.ts';
import { attributesOfPut, type Surroundings } from '../../../../src/tasks/file/put-attributes.ts';

const ACL = 'system.posix_acl_access';
const DEFAULT_ACL = 'system.posix_acl_default';

/** An ACL in the form of Linux; entries as [tag, permissions, id]. */
function acl(...entries: readonly (readonly [number, number, number?])[]): Uint8Array {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [i, [tag, permissions, id = 0xffff_ffff]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + i * 8);
    bytes.writeUInt16LE(permissions, 6 + i * 8);
    bytes.writeUInt32LE(id, 8 + i * 8);
  }
  return new Uint8Array(bytes);
}

const shared = (mask: number) => acl([1, 6], [2, 4, 1000], [4, 4], [16, mask], [32, 0]);
const volume: VolumeFacts = {
  type: 'ext4',
  label: '',
  uuid: '',
  blockSize: 4096,
  size: 1e9,
  lastWrite: 0,
  earliestTime: 0,
  latestTime: 2 ** 33,
  xattrRoom: 200,
};
const stat: FileStat = {
  kind: 'file',
  inode: 12,
  size: 1,
  mode: 0o640,
  uid: 5,
  gid: 6,
  links: 1,
  mtime: 1,
  ctime: 1,
};
const attribute = (name: string, text = 'v'): ExtendedAttribute => ({ name, value: Buffer.from(text) });
const base = { path: '/srv/f', size: 1, sha256: new Uint8Array(32), mtime: 100 };

function judge(
  more: Partial<Parameters<typeof attributesOfPut>[0]>,
  around: Surroundings = {},
  on: Partial<VolumeFacts> = {},
): ReturnType<typeof attributesOfPut> {
  const there = around.replaced === undefined ? undefined : stat;
  return attributesOfPut({ ...base, ...more }, 100, there, { ...volume, ...on }, around);
}

await t.test('a file that is put over keeps what the order says nothing of', async (t) => {
  const replaced = [
    attribute('security.selinux', 'etc_t'),
    attribute('user.a'),
    { name: ACL, value: shared(4) },
  ];
  const judged = judge({}, { replaced });
  t.match(judged, { ok: true, value: { file: { mode: 0o640, uid: 5, gid: 6 }, notes: [] } });
  const names = judged.ok ? judged.value.file.xattrs?.map(({ name }) => name) : [];
  t.same(names, ['security.selinux', ACL, 'user.a']);
  const over = judge({ xattrs: [attribute('user.a', 'new'), attribute('user.b')] }, { replaced });
  t.match(over.ok && over.value.file.xattrs?.slice(2), [attribute('user.a', 'new'), attribute('user.b')]);
});

await t.test('capabilities go with the old contents, and it is said', async (t) => {
  const replaced = [attribute('security.capability')];
  t.match(judge({}, { replaced }), { value: { file: { xattrs: undefined }, notes: [/capabilities/] } });
  const ordered = judge({ xattrs: [attribute('security.capability', 'new')] }, { replaced });
  t.match(ordered, { value: { file: { xattrs: [attribute('security.capability', 'new')] }, notes: [] } });
});

await t.test('set-id bits go with the old contents, and are there where the order names them', async (t) => {
  const over = (mode: number, ordered?: number) =>
    attributesOfPut(
      { ...base, ...(ordered === undefined ? {} : { mode: ordered }) },
      100,
      { ...stat, mode },
      volume,
      { replaced: [] },
    );
  t.match(over(0o6755), { value: { file: { mode: 0o755 }, notes: [/set-id/] } });
  t.match(over(0o6755, 0o4755), { value: { file: { mode: 0o4755 }, notes: [] } });
  t.match(over(0o1640), { value: { file: { mode: 0o1640 }, notes: [] } });
});

await t.test('mode and ACL say the same, whichever was ordered', async (t) => {
  const replaced = [{ name: ACL, value: shared(4) }];
  t.match(judge({ mode: 0o4600 }, { replaced }), {
    value: { file: { mode: 0o4600, xattrs: [{ name: ACL, value: shared(0) }] } },
  });
  t.match(judge({ xattrs: [{ name: ACL, value: shared(6) }] }, { replaced }), {
    value: { file: { mode: 0o660 } },
  });
  const plain = acl([1, 7], [4, 5], [32, 5]);
  t.match(judge({ xattrs: [{ name: ACL, value: plain }], mode: 0o640 }), {
    value: { file: { mode: 0o640, xattrs: [{ name: ACL, value: acl([1, 6], [4, 4], [32, 0]) }] } },
  });
});

await t.test('a new file has the label of its directory, and its default ACL', async (t) => {
  const directory = [
    attribute('security.selinux', 'srv_t'),
    attribute('user.of-the-directory'),
    { name: ACL, value: shared(7) },
    { name: DEFAULT_ACL, value: acl([1, 7], [2, 7, 1000], [4, 7], [16, 7], [32, 0]) },
  ];
  const judged = judge({ parents: true }, { directory });
  t.match(judged, {
    value: {
      file: { mode: 0o660, xattrs: [{ name: 'security.selinux' }, { name: ACL }] },
      directory: {
        mode: 0o755,
        xattrs: [{ name: 'security.selinux' }, { name: ACL }, { name: DEFAULT_ACL }],
      },
    },
  });
  t.equal(judged.ok && judged.value.file.xattrs?.length, 2);
  t.match(judge({ mode: 0o400 }, { directory }), {
    value: {
      file: { mode: 0o400, xattrs: [{}, { value: acl([1, 4], [2, 7, 1000], [4, 7], [16, 0], [32, 0]) }] },
    },
  });
});

await t.test('what a filesystem cannot hold is refused, or left out and said', async (t) => {
  const xattrs = [attribute('user.a'), { name: ACL, value: shared(4) }];
  const limits = { caseless: true, owners: false, timeStep: 2, largestFile: 1e9, xattrs: false };
  t.match(judge({ xattrs }, {}, { limits }), { refusal: { code: 'XATTRS_UNSUPPORTED', remedy: /--lossy/ } });
  const lossy = judge({ xattrs, lossy: true }, {}, { limits });
  t.match(lossy, { value: { file: { xattrs: undefined }, notes: [/user\.a, system\.posix_acl_access/] } });

  const large = [attribute('user.small'), attribute('user.large', 'x'.repeat(300)), attribute('user.too')];
  t.match(judge({ xattrs: large }), { refusal: { code: 'XATTRS_TOO_LARGE' } });
  t.match(judge({ xattrs: large, lossy: true }), {
    value: { file: { xattrs: [{ name: 'user.small' }, { name: 'user.too' }] }, notes: [/user\.large/] },
  });
});

await t.test('an ACL that no host would take is refused', async (t) => {
  for (const [name, value] of [
    [ACL, new Uint8Array(0)],
    [ACL, acl([1, 6], [32, 0])],
    [ACL, acl([1, 6], [2, 4, 1], [4, 4], [32, 0])],
    [ACL, acl([32, 0], [4, 4], [1, 6])],
    [ACL, acl([1, 6], [4, 9], [32, 0])],
    [DEFAULT_ACL, shared(4)],
  ] as const) {
    t.match(judge({ xattrs: [{ name, value }] }), { refusal: { code: 'XATTR_INVALID' } });
  }
});

await t.test(
  'parts of a second are kept as finely as the filesystem does, and what is lost is said',
  async (t) => {
    const fine = (timeStep: number | undefined) => {
      const limits =
        timeStep === undefined ? undefined : { caseless: false, owners: true, timeStep, largestFile: 1e9 };
      const judged = judge({ mtimeNanoseconds: 123_456_789 }, {}, limits === undefined ? {} : { limits });
      return judged.ok ? [judged.value.file.mtimeNanoseconds, judged.value.notes.length] : [];
    };
    t.same(fine(undefined), [123_456_789, 0]);
    t.same(fine(1e-9), [123_456_789, 0]);
    t.same(fine(1e-7), [123_456_700, 0]);
    t.same(fine(1), [undefined, 1]);
  },
);
