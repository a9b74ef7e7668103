import t from 'tap';
import { allow, KiB, utf8 } from '../../../../src/base/index.ts';
import type { DirectoryEntry, ExtendedAttribute, FileStat, FileSystem } from '../../../../src/ports/index.ts';
import { planTree } from '../../../../src/tasks/file/plan-tree.ts';
import { readArchive } from '../../../../src/transfer/index.ts';

const { signal } = new AbortController();

interface Node {
  readonly name: string;
  readonly target?: string;
  readonly xattrs?: readonly ExtendedAttribute[];
  readonly below?: readonly Node[];
}

/** As much of a filesystem as a tree is made from, which says of its names whatever it likes. */
function fileSystem(root: readonly Node[]): FileSystem {
  const nodes: Node[] = [{ name: '', below: root }];
  const statOf = (inode: number): FileStat => {
    const { target, below } = nodes[inode - 1]!;
    const kind = target !== undefined ? 'symlink' : below !== undefined ? 'directory' : 'file';
    const plain = { inode, size: 0, mode: 0o644, uid: 0, gid: 0, links: 1, mtime: 0, ctime: 0 };
    return { ...plain, kind, ...(target === undefined ? {} : { target }) };
  };
  async function* below(inode: number): AsyncGenerator<DirectoryEntry> {
    for (const node of nodes[inode - 1]?.below ?? []) {
      nodes.push(node);
      const { kind } = statOf(nodes.length);
      yield { name: undefined, rawName: utf8(node.name), inode: nodes.length, kind };
    }
  }
  const extrasOf = (inode: number) => allow({ xattrs: nodes[inode - 1]?.xattrs ?? [] });
  const fs = {
    facts: {},
    stat: async () => allow(statOf(1)),
    list: async () => allow(below(1)),
    extras: async () => extrasOf(1),
    byEntry: {
      stat: async (entries: readonly DirectoryEntry[]) => entries.map(({ inode }) => statOf(inode)),
      list: async ({ inode }: DirectoryEntry) => allow(below(inode)),
      open: async ({ inode }: DirectoryEntry) => allow({ stat: statOf(inode), read: async () => 0 }),
      extras: async ({ inode }: DirectoryEntry) => extrasOf(inode),
    },
  };
  return fs as unknown as FileSystem;
}

/** What is in the archive of a tree, as whoever gets it reads it, and what is said not to be. */
async function treeOf(root: readonly Node[]) {
  const planned = await planTree(fileSystem(root), '/srv', async () => {}, signal);
  if (!planned.ok) throw new Error(planned.refusal.sentence);
  const tree = planned.value;
  const paths: string[] = [];
  const limits = { entries: 1000, namesBytes: 16 * KiB * KiB };
  for await (const { path } of readArchive(
    (offset, into) => tree.read(offset, into, signal),
    tree.archive.size,
    limits,
  )) {
    paths.push(Buffer.from(path).toString());
  }
  return { paths, skipped: tree.note().skipped };
}

await t.test('what no path can name is told of, and comes under no other name', async (t) => {
  const names = ['../../up', 'dir/inside', '/etc/passwd', 'a\0b', '..', '.', ''];
  const { paths, skipped } = await treeOf([
    { name: 'dir', below: [{ name: 'way', target: '/etc' }, { name: 'way/passwd' }] },
    ...names.map((name) => ({ name })),
    { name: 'dir/below', below: [{ name: 'x' }] },
    { name: 'good' },
  ]);
  t.same(paths.sort(), ['', 'dir', 'dir/way', 'good']);
  t.equal(skipped.length, names.length + 2);
  for (const { why } of skipped) t.match(why, /no path can name/);
});

await t.test('a link whose target is longer than any, or ends in the middle, is told of', async (t) => {
  const { paths, skipped } = await treeOf([
    { name: 'long', target: 'ü'.repeat(2048) },
    { name: 'cut', target: 'a\0b' },
    { name: 'good', target: 'ü'.repeat(2047) },
  ]);
  t.same(paths, ['', 'good']);
  t.same(
    skipped.map(({ path }) => path),
    ['cut', 'long'],
  );
});

await t.test('what a file may carry, and as deep as it may lie, is read again', async (t) => {
  const value = new Uint8Array(64 * KiB).fill(1);
  const xattrs = Array.from({ length: 16 }, (_, i) => ({ name: `user.stream${i}`, value }));
  const acl = { name: 'system.ntfs_acl', value };
  const chain = (left: number): Node => ({
    name: 'd'.repeat(250),
    below: left === 0 ? [{ name: 'x'.repeat(765) }] : [chain(left - 1)],
  });
  const { paths, skipped } = await treeOf([{ name: 'carries', xattrs: [acl, ...xattrs] }, chain(20)]);
  t.equal(paths[1], 'carries');
  t.ok(paths.length > 15, `${paths.length}`);
  t.match(skipped, [{ why: /longer than 4096 bytes/ }]);
});
