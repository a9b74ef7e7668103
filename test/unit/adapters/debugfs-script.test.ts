import t from 'tap';
import { debugfsScript } from '../../../src/adapters/e2fsprogs/debugfs-script.ts';
import { GiB } from '../../../src/base/index.ts';
import type { VolumeEdit } from '../../../src/ports/index.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

const content = { name: 'in-1', size: 1000, data: new MemoryDevice('in-1', 1000) };
const attributes = { mode: 0o4755, uid: 1, gid: 2, mtime: 3 };
const facts = {
  time: 1000,
  blockSize: 1024,
  free: GiB,
  values: new Map<Uint8Array, string>(),
  attributes: new Map([
    ['/t/labelled', { block: 77, last: true }],
    ['/t/shared', { block: 78, last: false }],
  ]),
  ranges: new Map([[content, [{ first: 0, last: 0 }]]]),
  links: new Map(),
  largeFiles: true,
  inlineData: false,
};
const put = (path: string, replace: boolean): VolumeEdit => ({
  edit: 'put-file',
  path,
  content,
  attributes,
  replace,
});
const linesOf = (edits: VolumeEdit[], over = {}): string[] => {
  const script = debugfsScript(edits, { ...facts, ...over });
  return script.ok ? script.value.trimEnd().split('\n') : [];
};

await t.test('every edit becomes quoted commands', (t) => {
  const value = Uint8Array.of(1);
  const link: VolumeEdit = { edit: 'make-link', path: '/b', to: '/a b/"c"' };
  const edits: VolumeEdit[] = [
    put('/a b/"c"', false),
    link,
    { edit: 'make-symlink', path: '/l', target: '../"there"', attributes },
    {
      edit: 'make-directory',
      path: '/d',
      attributes: { ...attributes, xattrs: [{ name: 'user.x', value }] },
    },
  ];
  const over = { values: new Map([[value, '/room/value-0']]), links: new Map([[link, 2]]) };
  t.same(linesOf(edits, over), [
    'set_current_time @1000',
    'write /dev/null "/a b/""c"""',
    'fallocate "/a b/""c""" 0 0',
    'ln "/a b/""c""" "/b"',
    'sif "/b" links_count 2',
    'symlink "/l" "../""there"""',
    'mkdir "/d"',
    'ea_set -f "/room/value-0" "/d" "user.x"',
  ]);
  t.match(debugfsScript(edits, { ...facts, ...over, links: new Map([[link, 65_001]]) }), {
    refusal: { code: 'LINKS_UNSUPPORTED' },
  });
  t.end();
});

await t.test(
  'a file is replaced from beside where there is room, and in its place where there is not',
  (t) => {
    t.same(linesOf([put('/x', true)]).slice(1), [
      'write /dev/null "/.nightshift-1000"',
      'fallocate "/.nightshift-1000" 0 0',
      'rm "/x"',
      'ln "/.nightshift-1000" "/x"',
      'unlink "/.nightshift-1000"',
    ]);
    t.same(linesOf([put('/x', true)], { free: 10_000 }).slice(1, 3), ['rm "/x"', 'write /dev/null "/x"']);
    t.end();
  },
);

await t.test('holes get no blocks, and a volume learns that it has large files', (t) => {
  const sparse = { ...content, size: 5 * GiB };
  const ranges = new Map([
    [
      sparse,
      [
        { first: 0, last: 3 },
        { first: 9, last: 12 },
      ],
    ],
  ]);
  const edit: VolumeEdit = { edit: 'put-file', path: '/x', content: sparse, attributes, replace: false };
  t.same(linesOf([edit], { ranges, largeFiles: false, inlineData: true }).slice(1), [
    'feature large_file',
    'feature -inline_data',
    'write /dev/null "/x"',
    'feature inline_data',
    'fallocate "/x" 0 3',
    'fallocate "/x" 9 12',
  ]);
  t.end();
});

await t.test('what is removed is removed in the order given', (t) => {
  const edits: VolumeEdit[] = [
    { edit: 'remove-file', path: '/t/a' },
    { edit: 'remove-directory', path: '/t' },
  ];
  t.same(linesOf(edits), ['set_current_time @1000', 'rm "/t/a"', 'rmdir "/t"']);
  t.end();
});

await t.test('a block of attributes goes with its file, unless others share it', (t) => {
  t.same(linesOf([{ edit: 'remove-file', path: '/t/labelled' }]).slice(1), [
    'sif "/t/labelled" file_acl 0',
    'rm "/t/labelled"',
    'write /dev/null "/.nightshift-free-1000"',
    'sif "/.nightshift-free-1000" flags 0',
    'sif "/.nightshift-free-1000" block[0] 77',
    'sif "/.nightshift-free-1000" block[1] 0',
    'sif "/.nightshift-free-1000" block[2] 0',
    'rm "/.nightshift-free-1000"',
  ]);
  t.same(linesOf([{ edit: 'remove-directory', path: '/t/shared' }]).slice(1), [
    'sif "/t/shared" file_acl 0',
    'rmdir "/t/shared"',
  ]);
  t.end();
});

await t.test('what the command language cannot carry is refused', (t) => {
  for (const path of ['/a\nb', '/a\tb', '/\u007f', `/${'"'.repeat(5000)}`]) {
    t.match(debugfsScript([put(path, false)], facts), { ok: false, refusal: { code: 'NAME_UNSUPPORTED' } });
  }
  const odd = { ...attributes, xattrs: [{ name: 'user.a\nrm "/etc/passwd"', value: new Uint8Array(1) }] };
  const edits: VolumeEdit[] = [
    { edit: 'make-directory', path: '/d', attributes: odd },
    { edit: 'make-symlink', path: '/l', target: '/x\nrm "/etc/passwd"', attributes },
    { edit: 'make-link', path: '/l', to: '/x\nrm "/etc/passwd"' },
  ];
  for (const edit of edits) {
    t.match(debugfsScript([edit], facts), { ok: false, refusal: { code: 'NAME_UNSUPPORTED' } });
  }
  t.end();
});
