import t from 'tap';
import { debugfsScript } from '../../../src/adapters/e2fsprogs/debugfs-script.ts';
import { GiB } from '../../../src/base/index.ts';
import type { VolumeEdit } from '../../../src/ports/index.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

const content = { name: 'in-1', size: 1000, data: new MemoryDevice('in-1', 1000) };
const attributes = { mode: 0o4755, uid: 1, gid: 2, mtime: 3 };
const facts = {
  time: 1000,
  largeInodes: false,
  free: GiB,
  values: new Map<Uint8Array, string>(),
  attributes: new Map([
    ['/t/labelled', { block: 77, last: true }],
    ['/t/shared', { block: 78, last: false }],
  ]),
  ranges: new Map([[content, [{ first: 0, last: 0 }]]]),
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

await t.test('every edit becomes quoted commands, and parents get the time', (t) => {
  t.same(linesOf([put('/a b/"c"', false)]), [
    'set_current_time @1000',
    'write /dev/null "/a b/""c"""',
    'fallocate "/a b/""c""" 0 0',
    'sif "/a b/""c""" size 1000',
    'sif "/a b/""c""" mode 0104755',
    'sif "/a b/""c""" uid 1',
    'sif "/a b/""c""" gid 2',
    'sif "/a b/""c""" mtime @3',
    'sif "/a b/""c""" atime @1000',
    'sif "/a b/""c""" ctime @1000',
    'sif "/a b" mtime @1000',
    'sif "/a b" ctime @1000',
  ]);
  t.end();
});

await t.test('attributes come before the fields, parts of a second with the bits past 2038', (t) => {
  const value = new Uint8Array(3);
  const xattrs = [{ name: 'user.a "b"', value }];
  const carried = { ...attributes, mtime: 5_000_000_000, mtimeNanoseconds: 999_999_999, xattrs };
  const edit: VolumeEdit = { edit: 'make-directory', path: '/d', attributes: carried };
  const lines = linesOf([edit], { largeInodes: true, values: new Map([[value, '/room/value-0']]) });
  t.same(lines.slice(1, 4), [
    'mkdir "/d"',
    'ea_set -f "/room/value-0" "/d" "user.a ""b"""',
    'sif "/d" mode 044755',
  ]);
  t.ok(lines.includes(`sif "/d" mtime_extra ${999_999_999 * 4 + 1}`));
  const odd = { ...attributes, xattrs: [{ name: 'user.a\nrm "/etc/passwd"', value }] };
  const refused = debugfsScript([{ ...edit, attributes: odd }], facts);
  t.match(refused, { ok: false, refusal: { code: 'NAME_UNSUPPORTED' } });
  t.end();
});

await t.test(
  'a file is replaced from beside where there is room, and in its place where there is not',
  (t) => {
    t.same(linesOf([put('/x', true)]).slice(1, 7), [
      'write /dev/null "/.nightshift-1000"',
      'fallocate "/.nightshift-1000" 0 0',
      'sif "/.nightshift-1000" size 1000',
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
  t.same(linesOf([edit], { ranges, largeFiles: false, inlineData: true }).slice(1, 8), [
    'feature large_file',
    'feature -inline_data',
    'write /dev/null "/x"',
    'feature inline_data',
    'fallocate "/x" 0 3',
    'fallocate "/x" 9 12',
    `sif "/x" size ${5 * GiB}`,
  ]);
  t.end();
});

await t.test('a removed directory is not touched again', (t) => {
  const edits: VolumeEdit[] = [
    { edit: 'remove-file', path: '/t/a' },
    { edit: 'remove-directory', path: '/t' },
  ];
  t.same(linesOf(edits), [
    'set_current_time @1000',
    'rm "/t/a"',
    'rmdir "/t"',
    'sif "/" mtime @1000',
    'sif "/" ctime @1000',
  ]);
  t.end();
});

await t.test('a block of attributes goes with its file, unless others share it', (t) => {
  t.same(linesOf([{ edit: 'remove-file', path: '/t/labelled' }]).slice(1, -2), [
    'sif "/t/labelled" file_acl 0',
    'rm "/t/labelled"',
    'write /dev/null "/.nightshift-free-1000"',
    'sif "/.nightshift-free-1000" flags 0',
    'sif "/.nightshift-free-1000" block[0] 77',
    'sif "/.nightshift-free-1000" block[1] 0',
    'sif "/.nightshift-free-1000" block[2] 0',
    'rm "/.nightshift-free-1000"',
  ]);
  t.same(linesOf([{ edit: 'remove-directory', path: '/t/shared' }]).slice(1, -2), [
    'sif "/t/shared" file_acl 0',
    'rmdir "/t/shared"',
  ]);
  t.end();
});

await t.test('what the command language cannot carry is refused', (t) => {
  for (const path of ['/a\nb', '/a\tb', '/\u007f', `/${'"'.repeat(5000)}`]) {
    t.match(debugfsScript([put(path, false)], facts), { ok: false, refusal: { code: 'NAME_UNSUPPORTED' } });
  }
  t.end();
});
