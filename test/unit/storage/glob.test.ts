import fc from 'fast-check';
import t from 'tap';
import { allow, refuse } from '../../../src/base/index.ts';
import type { DirectoryEntry, FileSystem } from '../../../src/ports/index.ts';
import { compileGlob, expandGlob, hasGlob } from '../../../src/storage/index.ts';

await t.test('patterns fit what a shell would fit', async (t) => {
  const fitting: readonly (readonly [string, string])[] = [
    ['*', 'a'],
    ['*.log', 'syslog.log'],
    ['a*b*c', 'aXXbYYc'],
    ['?', '🚀'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['[^a-c]x', 'dx'],
    ['[]]', ']'],
    ['[a-]', '-'],
    ['[\\]]', ']'],
    ['a\\*b', 'a*b'],
    ['[abc', '[abc'],
    ['.*', '.hidden'],
    ['x**y', 'xy'],
    ['ü?', 'üß'],
  ];
  for (const [pattern, name] of fitting) t.ok(compileGlob(pattern)(name), `${pattern} fits ${name}`);
  const others: readonly (readonly [string, string])[] = [
    ['*', '.hidden'],
    ['?hidden', '.hidden'],
    ['[.]hidden', '.hidden'],
    ['*.log', 'log'],
    ['a*b', 'abc'],
    ['?', ''],
    ['[z-a]', 'm'],
    ['a\\*b', 'axb'],
    ['A', 'a'],
    ['', 'a'],
  ];
  for (const [pattern, name] of others)
    t.notOk(compileGlob(pattern)(name), `${pattern} does not fit ${name}`);
});

/** What a pattern means, by trying everything: right, slow, and written another way. */
function slowly(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return name.length === 0;
  if (head === '*') return name.some((_, i) => slowly(rest, name.slice(i))) || slowly(rest, []);
  return name.length > 0 && (head === '?' || head === name[0]) && slowly(rest, name.slice(1));
}

await t.test('the matcher agrees with trying everything', async () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 });
  const names = fc.array(fc.constantFrom('a', 'b'), { maxLength: 9 });
  fc.assert(
    fc.property(letters, names, (pattern, name) => {
      const expected = slowly(pattern, name);
      return compileGlob(pattern.join(''))(name.join('')) === expected;
    }),
    { numRuns: 3000 },
  );
});

await t.test('a pattern made to blow up takes no more than name times pattern steps', async (t) => {
  const name = 'a'.repeat(255);
  const glob = compileGlob(`${'a*'.repeat(120)}b`);
  const start = process.hrtime.bigint();
  for (let i = 0; i < 100; i += 1) t.notOk(glob(name));
  const eachMs = Number(process.hrtime.bigint() - start) / 1e6 / 100;
  t.ok(eachMs < 100, 'exponential time would take centuries');
});

await t.test('every text is a pattern that can be made and used', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (pattern, name) => {
      compileGlob(pattern)(name);
      hasGlob(pattern);
      return true;
    }),
  );
});

/** A filesystem of plain names in memory. */
function tree(paths: readonly string[]): Omit<FileSystem, 'byEntry'> {
  const all = new Set(['/']);
  for (const path of paths) {
    for (let cut = path.indexOf('/', 1); cut > 0; cut = path.indexOf('/', cut + 1))
      all.add(path.slice(0, cut));
    all.add(path);
  }
  const stat = {
    kind: 'file',
    inode: 1,
    size: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    links: 1,
    mtime: 0,
    ctime: 0,
  } as const;
  return {
    facts: {
      type: 'ext4',
      label: '',
      uuid: '',
      blockSize: 1024,
      size: 0,
      free: 0,
      lastWrite: 0,
      earliestTime: 0,
      latestTime: 2 ** 31,
    },
    stat: async (path) => (all.has(path) ? allow(stat) : refuse('NO_SUCH_FILE')),
    open: async () => refuse('NO_SUCH_FILE'),
    extras: async () => refuse('NO_SUCH_FILE'),
    list: async (path) => {
      const start = path === '/' ? '/' : `${path}/`;
      const names = [...all]
        .filter((each) => each !== '/' && each.startsWith(start) && !each.slice(start.length).includes('/'))
        .map((each) => each.slice(start.length));
      if (names.length === 0) return refuse('NOT_A_DIRECTORY');
      return allow(
        (async function* (): AsyncGenerator<DirectoryEntry> {
          for (const name of names) yield { name, rawName: Buffer.from(name), inode: 1, kind: 'file' };
        })(),
      );
    },
  };
}

await t.test('patterns are expanded a segment at a time, within limits', async (t) => {
  const fs = tree(['/var/log/a.log', '/var/log/b.log', '/var/log/c.txt', '/opt/log/d.log', '/var/a*b/e.log']);
  const paths = async (pattern: string, limits?: { matches: number; visited: number }): Promise<unknown> => {
    const verdict = await expandGlob(fs, pattern, undefined, limits);
    return verdict.ok ? verdict.value : verdict.refusal.code;
  };
  t.same(await paths('/*/log/*.log'), ['/opt/log/d.log', '/var/log/a.log', '/var/log/b.log']);
  t.same(await paths('/var/log/[ab].*'), ['/var/log/a.log', '/var/log/b.log']);
  t.same(await paths('/var/a\\*b/*'), ['/var/a*b/e.log']);
  t.same(await paths('/var/log/c.txt/*'), 'NO_SUCH_FILE');
  t.same(await paths('/nowhere/*'), 'NO_SUCH_FILE');
  t.same(await paths('/'), ['/']);
  t.same(await paths('/var/log/*', { matches: 2, visited: 99 }), 'TOO_MANY_FILES');
  t.same(await paths('/var/log/z*', { matches: 9, visited: 2 }), 'TOO_MANY_FILES');
});
