import fc from 'fast-check';
import t from 'tap';
import { allow } from '../../../../src/base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem } from '../../../../src/ports/index.ts';
import type { ArgsOf } from '../../../../src/protocol/index.ts';
import { ByteSearch } from '../../../../src/tasks/file/find-bytes.ts';
import { ContentsLook } from '../../../../src/tasks/file/find-contents.ts';
import { criteriaOf } from '../../../../src/tasks/file/find-criteria.ts';
import { compareNames, FindWalk, type Place } from '../../../../src/tasks/file/find-walk.ts';

/** Few letters, so that what is looked for nearly occurs often. */
const letters = (most: number) =>
  fc.array(fc.constantFrom(0, 1), { maxLength: most }).map((codes) => Buffer.from(codes));

await t.test('bytes are found where Buffer.indexOf finds them, whatever the chunks', (t) => {
  const cuts = fc.array(fc.nat(60), { maxLength: 12 });
  fc.assert(
    fc.property(letters(60), letters(9), cuts, (whole, wanted, at) => {
      fc.pre(wanted.byteLength > 0);
      const search = new ByteSearch(wanted);
      const bounds = [
        0,
        ...at.map((cut) => Math.min(cut, whole.byteLength)).sort((a, b) => a - b),
        whole.byteLength,
      ];
      let found: number | undefined;
      for (let i = 1; i < bounds.length && found === undefined; i += 1) {
        found = search.take(whole.subarray(bounds[i - 1], bounds[i]));
      }
      return (found ?? -1) === whole.indexOf(wanted);
    }),
    { numRuns: 5000 },
  );
  t.end();
});

const fact = (change: Partial<FileStat>): FileStat => ({
  kind: 'file',
  inode: 12,
  size: 0,
  mode: 0o644,
  uid: 0,
  gid: 0,
  links: 1,
  mtime: 0,
  ctime: 0,
  ...change,
});

await t.test('a file is looked into piece by piece, and read to its end only where it must be', async (t) => {
  const size = 3 * 1024 * 1024 + 5;
  const whole = Buffer.alloc(size, 'abcdefg');
  whole.write('NEEDLE', 1024 * 1024 - 3);
  let reads = 0;
  const file = {
    stat: fact({ size }),
    // Less than is asked for each time, as a reader may give.
    read: async (offset: number, into: Uint8Array) => {
      reads += 1;
      const piece = whole.subarray(offset, offset + Math.min(into.byteLength, 700_000));
      await new Promise((resolve) => setImmediate(resolve));
      into.set(piece);
      return piece.byteLength;
    },
  };
  const { signal } = new AbortController();
  const { createHash } = await import('node:crypto');
  const sha256 = new Uint8Array(createHash('sha256').update(whole).digest());
  const into = (wish: { sha256?: Uint8Array; contains?: Uint8Array }) =>
    new ContentsLook(wish).into(file, signal, async () => undefined);
  t.same(await into({ contains: Buffer.from('NEEDLE') }), { at: 1024 * 1024 - 3 });
  t.ok(reads <= 3, 'and one ahead');
  t.same(await into({ sha256, contains: Buffer.from('NEEDLE') }), { sha256, at: 1024 * 1024 - 3 });
  t.same(await into({ sha256 }), { sha256 });
  t.equal(await into({ contains: Buffer.from('needle') }), undefined);
  t.equal(await into({ sha256: new Uint8Array(32) }), undefined);
  t.equal(await into({ sha256, contains: Buffer.from('needle') }), undefined);
});

const entry = (name: string | Buffer, kind: DirectoryEntry['kind'] = 'file'): DirectoryEntry => ({
  name: typeof name === 'string' ? name : undefined,
  rawName: Buffer.from(name),
  inode: 12,
  kind,
});
const named = (args: Partial<ArgsOf<'file.find'>>, ...name: Parameters<typeof entry>): boolean =>
  criteriaOf({ path: '/', ...args }).byName(entry(...name));
const judged = (args: Partial<ArgsOf<'file.find'>>, change: Partial<FileStat>): boolean =>
  criteriaOf({ path: '/', ...args }).byFacts(fact(change));

await t.test('names fit as find says: a leading dot is a letter, and bytes fit as bytes', (t) => {
  t.ok(named({ name: '*.conf' }, '.hidden.conf'));
  t.ok(named({ name: '?x' }, '.x'));
  t.notOk(named({ name: '*.conf' }, 'a.CONF'));
  t.ok(named({ iname: '*.CONF' }, 'a.conf'));
  t.ok(named({ iname: 'gRÖSSE[A-C]' }, 'Größeb'.replace('ß', 'SS')));
  t.notOk(named({ name: 'a*', iname: '*B' }, 'ac'));
  t.ok(named({ name: '*\u{1f680}?' }, 'to \u{1f680}!'), 'a character is one code point');
  t.ok(named({ name: 'caf?' }, Buffer.from('636166e9', 'hex')));
  t.ok(named({ iname: 'CAF?' }, Buffer.from('636166e9', 'hex')));
  t.notOk(named({ name: 'cafe' }, Buffer.from('636166e9', 'hex')));
  t.ok(named({}, Buffer.from('ff', 'hex')));
  t.end();
});

await t.test('sizes and contents speak of regular files alone', (t) => {
  t.ok(named({ kind: 'directory' }, 'etc', 'directory'));
  t.notOk(named({ kind: 'directory' }, 'etc', 'file'));
  t.ok(named({ kind: 'directory' }, 'etc', 'unknown'), 'its facts will tell');
  for (const args of [{ size: { min: 0 } }, { contains: Buffer.from('x') }, { sha256: new Uint8Array(32) }]) {
    t.notOk(named(args, 'etc', 'directory'));
    t.notOk(judged(args, { kind: 'symlink', size: 9 }));
  }
  t.ok(judged({ size: { min: 5, max: 5 } }, { size: 5 }));
  t.notOk(judged({ size: { min: 5 } }, { size: 4 }));
  t.notOk(judged({ size: { max: 5 } }, { size: 6 }));
  t.notOk(judged({ contains: Buffer.from('abc') }, { size: 2 }), 'too small to hold it');
  t.ok(judged({ newer: 9, older: 11 }, { mtime: 10 }));
  t.notOk(judged({ newer: 10 }, { mtime: 10 }));
  t.notOk(judged({ older: 10 }, { mtime: 10 }));
  t.end();
});

await t.test('names are ordered as bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (a, b) => {
      return Math.sign(compareNames(a, b)) === Buffer.compare(a, b);
    }),
  );
  t.end();
});

/** A tree of directories that all hold so many files, and one directory of the next level. */
function deep(levels: number, files: number): FileSystem {
  const list = async (level: number) => {
    const names = Array.from({ length: files }, (_, n) => entry(`f${n}`));
    const below = level + 1 < levels ? [{ ...entry('deeper', 'directory'), inode: 100 + level + 1 }] : [];
    return allow(
      (async function* () {
        yield* [...names, ...below];
      })(),
    );
  };
  const byEntry = {
    stat: async (entries: readonly DirectoryEntry[]) =>
      entries.map(({ kind, inode }) => fact({ kind: kind as 'file', inode })),
    list: ({ inode }: DirectoryEntry) => list(inode - 100),
  };
  return { list: () => list(0), byEntry } as unknown as FileSystem;
}

await t.test('a search that has looked at enough goes on where it was; an aborted one ends', async (t) => {
  const fs = deep(9, 3);
  const met: string[] = [];
  const visitor = {
    wants: () => true,
    visit: async (place: Place) => {
      met.push(place.map((name) => Buffer.from(name).toString()).join('/'));
      return true;
    },
    skip: () => t.fail('nothing is passed over'),
    progress: async () => undefined,
  };
  const { signal } = new AbortController();
  const top = fact({ kind: 'directory', inode: 100 });
  let after: Place | undefined;
  let rounds = 0;
  do {
    const walk = new FindWalk(fs, visitor, { depth: undefined, entries: 4 }, signal);
    const ended = await walk.below('/', top, after);
    if (!ended.ok) throw new Error(ended.refusal.sentence);
    after = ended.value.endedAt;
    rounds += 1;
  } while (after !== undefined && rounds < 100);
  t.equal(met.length, 9 * 3 + 8);
  t.equal(new Set(met).size, met.length, 'each once');
  t.ok(rounds > 8);
  const late = AbortSignal.abort(new Error('its time is over'));
  const many = new FindWalk(deep(100, 20), visitor, { depth: undefined, entries: 1e6 }, late);
  await t.rejects(many.below('/', top), { message: 'its time is over' });
});
