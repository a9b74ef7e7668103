import fc from 'fast-check';
import t from 'tap';
import { allow, refuse, utf8 } from '../../../../src/base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem } from '../../../../src/ports/index.ts';
import { sortedEntries } from '../../../../src/tasks/file/sorted-entries.ts';
import { walk } from '../../../../src/tasks/file/walk.ts';

const { signal } = new AbortController();

/** Directories by their inode; what they name, in the order on disk. */
type Directories = ReadonlyMap<number, readonly DirectoryEntry[]>;

const entry = (name: string, inode: number, kind: DirectoryEntry['kind']): DirectoryEntry => ({
  name,
  rawName: utf8(name),
  inode,
  kind,
});

/** As much of a filesystem as a walk uses. Inode 1 is the root. */
function fileSystem(directories: Directories): FileSystem & { listed: number } {
  async function* given(inode: number) {
    yield* directories.get(inode) ?? [];
  }
  const fs = {
    listed: 0,
    list: async () => {
      fs.listed += 1;
      return allow(given(1));
    },
    byEntry: {
      stat: async (entries: readonly DirectoryEntry[]) =>
        entries.map(({ inode }): FileStat => {
          const kind = directories.has(inode) ? 'directory' : 'file';
          return { kind, inode, size: 0, mode: 0, uid: 0, gid: 0, links: 1, mtime: 0, ctime: 0 };
        }),
      list: async ({ inode }: DirectoryEntry) => {
        fs.listed += 1;
        return directories.has(inode) ? allow(given(inode)) : refuse('NOT_A_DIRECTORY');
      },
    },
  };
  return fs as unknown as FileSystem & { listed: number };
}

interface Tree {
  readonly [name: string]: Tree | null;
}

function directoriesOf(tree: Tree): Directories {
  const directories = new Map<number, DirectoryEntry[]>();
  let next = 2;
  const add = (inode: number, inside: Tree): void => {
    const entries: DirectoryEntry[] = [];
    directories.set(inode, entries);
    for (const [name, below] of Object.entries(inside)) {
      const own = next;
      next += 1;
      // Some do not say what they name.
      entries.push(entry(name, own, own % 3 === 0 ? 'unknown' : below === null ? 'file' : 'directory'));
      if (below !== null) add(own, below);
    }
  };
  add(1, tree);
  return directories;
}

/** All paths, each directory before what is in it, siblings in the order of their bytes. */
function pathsOf(tree: Tree, top = ''): string[] {
  const names = Object.keys(tree).sort((a, b) => Buffer.compare(utf8(a), utf8(b)));
  return names.flatMap((name) => {
    const below = tree[name];
    return [`${top}/${name}`, ...(below == null ? [] : pathsOf(below, `${top}/${name}`))];
  });
}

async function walked(fs: FileSystem, after?: string): Promise<string[]> {
  const paths: string[] = [];
  const names = after?.slice(1).split('/').map(utf8);
  for await (const node of walk(fs, '/', { signal, after: names })) {
    paths.push(node.ok ? (node.value.path ?? '?') : node.refusal.code);
  }
  return paths;
}

const NAME = fc
  .stringMatching(/^[a-cA\u00e9\u{1f319}\uffee.]{1,3}$/u)
  .filter((name) => !/^\.\.?$/.test(name));
const { tree: TREES } = fc.letrec<{ tree: Tree; node: Tree | null }>((tie) => ({
  node: fc.oneof({ depthSize: 'small' }, fc.constant(null), tie('tree')),
  tree: fc.dictionary(NAME, tie('node'), { maxKeys: 6 }),
}));

await t.test('a walk gives all there is in the order of bytes, and goes on behind any of it', async (t) => {
  await fc.assert(
    fc.asyncProperty(TREES, fc.nat(), async (tree, pick) => {
      const fs = fileSystem(directoriesOf(tree));
      const wanted = pathsOf(tree);
      t.same(await walked(fs), wanted);
      if (wanted.length === 0) return;
      const at = pick % wanted.length;
      t.same(await walked(fs, wanted[at]), wanted.slice(at + 1), `behind ${wanted[at]}`);
    }),
    { numRuns: 150 },
  );
});

await t.test('where there is nothing to go on behind, it is said', async (t) => {
  const fs = fileSystem(directoriesOf({ a: { b: null }, c: null }));
  for (const after of ['/b', '/a/c', '/c/d', '/z', '/a/b/c'])
    t.same(await walked(fs, after), ['NO_SUCH_FILE'], after);
});

await t.test('a crowd is gone through in order, and the end of it without the beginning', async (t) => {
  const names = Array.from({ length: 10_000 }, (_, i) => `f${(i * 7919) % 10_000}`);
  const fs = fileSystem(directoriesOf(Object.fromEntries(names.map((name) => [name, null]))));
  const sorted = names.map((name) => `/${name}`).sort();
  t.same(await walked(fs), sorted);
  fs.listed = 0;
  t.same(await walked(fs, sorted.at(-3)), sorted.slice(-2));
  t.equal(fs.listed, 1);
});

await t.test('directories that lead round in a circle, or too deep, end the walk', async (t) => {
  const round = new Map([
    [1, [entry('a', 2, 'directory')]],
    [2, [entry('b', 3, 'directory')]],
    [3, [entry('a', 2, 'directory')]],
  ]);
  t.same(await walked(fileSystem(round)), ['/a', '/a/b', '/a/b/a', 'VOLUME_DAMAGED']);
  const deep = new Map(
    Array.from({ length: 200 }, (_, i): [number, DirectoryEntry[]] => [
      i + 1,
      [entry('d', i + 2, 'directory')],
    ]),
  );
  const paths = await walked(fileSystem(deep));
  t.equal(paths.at(-1), 'TOO_MANY_FILES');
  t.equal(paths.length, 130);
});

await t.test(
  'entries: the first of those behind a name, never many at once, and others have their turn',
  async (t) => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3 });
    const raw = fc.array(bytes, { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(raw, fc.option(bytes), fc.integer({ min: 1, max: 20 }), async (all, from, first) => {
        async function* listing() {
          for (const rawName of all) yield { ...entry('', 1, 'file'), rawName };
        }
        const wanted = { signal, first, ...(from === null ? {} : { from }) };
        const sorted = await sortedEntries(allow(listing()), '/', wanted);
        const expected = [...all]
          .sort((a, b) => Buffer.compare(a, b))
          .filter((name) => from === null || Buffer.compare(name, from) >= 0)
          .slice(0, first);
        t.same(sorted.ok && sorted.value.map(({ rawName }) => rawName), expected);
      }),
      { numRuns: 200 },
    );
    async function* many() {
      for (let i = 0; i < 50_000; i += 1) yield entry(`${(i * 7919) % 50_000}`, i, 'file');
    }
    let breaths = 0;
    const breathe = async () => {
      breaths += 1;
    };
    const sorted = await sortedEntries(allow(many()), '/', { signal, breathe });
    t.ok(breaths > 50, `${breaths} turns for others`);
    const names = sorted.ok ? sorted.value.map(({ name }) => name) : [];
    t.same(
      names,
      Array.from({ length: 50_000 }, (_, i) => String(i)).toSorted((a, b) => (a < b ? -1 : 1)),
    );
    t.match(await sortedEntries(allow(many()), '/x', { signal, most: 1000 }), {
      refusal: { code: 'TOO_MANY_FILES', sentence: /^\/x holds more than 1000 entries/ },
    });
  },
);
