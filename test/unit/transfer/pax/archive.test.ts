import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { concatBytes, hasCode, utf8 } from '../../../../src/base/index.ts';
import {
  type ArchiveEntry,
  ArchivePlan,
  type HeldEntry,
  heldBytes,
  readArchive,
} from '../../../../src/transfer/index.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();
const LIMITS = { entries: 1000, namesBytes: 1024 * 1024 };

/** Every byte of every file differs from its neighbours, and tells of its file. */
const byteAt = (index: number, offset: number): number =>
  (index * 31 + offset * 7 + (offset >> 8) + 1) & 0xff;

const contents = async (index: number, offset: number, into: Uint8Array): Promise<void> => {
  for (let i = 0; i < into.byteLength; i += 1) into[i] = byteAt(index, offset + i);
};

function planOf(entries: readonly ArchiveEntry[]): ArchivePlan {
  const plan = new ArchivePlan();
  for (const entry of entries) plan.add(entry);
  return plan;
}

async function bytesOf(plan: ArchivePlan): Promise<Uint8Array> {
  const bytes = new Uint8Array(plan.size);
  await plan.read(0, bytes, contents, signal);
  return bytes;
}

async function entriesOf(bytes: Uint8Array): Promise<HeldEntry[]> {
  const found: HeldEntry[] = [];
  const read = async (offset: number, into: Uint8Array) => {
    if (offset + into.byteLength > bytes.byteLength) throw new Error('read past the end');
    into.set(bytes.subarray(offset, offset + into.byteLength));
  };
  for await (const entry of readArchive(read, bytes.byteLength, LIMITS)) found.push(entry);
  return found;
}

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map((text) => text.replace(/[/\0]/g, '_')),
  fc.string({ minLength: 90, maxLength: 200 }).map((text) => text.replace(/[/\0]/g, '_')),
);
const path = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((names) => names.map((each) => (each === '.' || each === '..' ? '_' : each)).join('/'))
  .map(utf8);
const rawPath = fc
  .uint8Array({ min: 0x80, max: 0xff, minLength: 1, maxLength: 120 })
  .map((bytes) => new Uint8Array(bytes));
const facts = {
  path: fc.oneof(path, rawPath),
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(5000), fc.constantFrom(70_000, 2_097_152, 4_294_967_294)),
  gid: fc.nat(70_000),
  mtime: fc.oneof(fc.integer({ min: -1000, max: 2 ** 31 }), fc.constantFrom(-1, 0, 2 ** 34)),
  mtimeNanoseconds: fc.constantFrom(0, 1, 500_000_000, 999_999_999),
  xattrs: fc.constantFrom(
    [],
    [
      { name: 'security.capability', value: new Uint8Array([0, 1, 10, 61]) },
      { name: 'user.a=b%c', value: new Uint8Array(300).fill(10) },
    ],
  ),
};
const segments = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 900 })), { maxLength: 6 })
  .map((runs) => {
    let at = 0;
    return runs.map(([hole, length]) => {
      at += hole + length;
      return { offset: at - length, length };
    });
  });
const entry: fc.Arbitrary<ArchiveEntry> = fc.oneof(
  fc.record({ ...facts, kind: fc.constant('file' as const), size: fc.nat(3000) }),
  fc
    .tuple(fc.record({ ...facts, kind: fc.constant('file' as const), segments }), fc.nat(500))
    .map(([sparse, tail]) => {
      const last = sparse.segments.at(-1);
      return { ...sparse, size: (last === undefined ? 0 : last.offset + last.length) + tail };
    }),
  fc.record({ ...facts, kind: fc.constantFrom('directory' as const, 'fifo' as const), size: fc.constant(0) }),
  fc.record({
    ...facts,
    kind: fc.constantFrom('symlink' as const, 'link' as const),
    size: fc.constant(0),
    target: fc.oneof(path, rawPath),
  }),
);

function plain({ mtimeNanoseconds = 0, xattrs = [], ...rest }: ArchiveEntry): unknown {
  const copy: Record<string, unknown> = { ...rest, mtimeNanoseconds, xattrs: [...xattrs] };
  delete copy.at;
  return JSON.parse(
    JSON.stringify(copy, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ),
  );
}

await t.test('an archive reads back as the entries that it was made of', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
      const bytes = await bytesOf(planOf(entries));
      const found = await entriesOf(bytes);
      t.same(found.map(plain), entries.map(plain));
      for (const [index, held] of found.entries()) {
        if (held.kind !== 'file') continue;
        let at = held.at;
        for (const { offset, length } of held.segments ?? [{ offset: 0, length: held.size }]) {
          for (let i = 0; i < length; i += 1) if (bytes[at + i] !== byteAt(index, offset + i)) return false;
          at += length;
        }
        if (at - held.at !== heldBytes(held)) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

await t.test('any stretch of it is the same as of the whole', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(1e6), fc.nat(5000)), { maxLength: 20 }),
      async (entries, stretches) => {
        const plan = planOf(entries);
        const whole = await bytesOf(plan);
        for (const [from, length] of stretches) {
          const offset = from % plan.size;
          const piece = new Uint8Array(Math.min(length, plan.size - offset)).fill(0xaa);
          await plan.read(offset, piece, contents, signal);
          if (Buffer.compare(piece, whole.subarray(offset, offset + piece.byteLength)) !== 0) return false;
        }
        return true;
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

const at = { mode: 0o640, uid: 0, gid: 0, mtime: 1_700_000_000, size: 0 };
const LONG = `${'deep/'.repeat(40)}${'n'.repeat(200)}`;
const SAMPLE: readonly ArchiveEntry[] = [
  { ...at, path: utf8(''), kind: 'directory', mode: 0o755 },
  { ...at, path: utf8('plain'), kind: 'file', size: 5000, mtimeNanoseconds: 123_456_789 },
  { ...at, path: utf8('größe\nof'), kind: 'file', size: 512 },
  { ...at, path: utf8('deep'), kind: 'directory', mode: 0o700 },
  { ...at, path: utf8(LONG), kind: 'file', size: 77, uid: 4_000_000 },
  { ...at, path: new Uint8Array([0x62, 0xff, 0x64]), kind: 'file', size: 3 },
  {
    ...at,
    path: utf8('sparse'),
    kind: 'file',
    size: 3_000_000,
    segments: [
      { offset: 65_536, length: 4096 },
      { offset: 2_000_000, length: 1000 },
    ],
  },
  { ...at, path: utf8('hole'), kind: 'file', size: 1_000_000, segments: [] },
  { ...at, path: utf8('to'), kind: 'symlink', target: utf8(`../${LONG}`) },
  { ...at, path: utf8('twice'), kind: 'link', target: utf8('plain') },
  { ...at, path: utf8('pipe'), kind: 'fifo' },
];

function expected(index: number): Buffer {
  const { size, segments = [{ offset: 0, length: size }] } = SAMPLE[index]!;
  const whole = Buffer.alloc(size);
  for (const { offset, length } of segments) {
    for (let i = offset; i < offset + length; i += 1) whole[i] = byteAt(index, i);
  }
  return whole;
}

for (const tool of ['tar', 'bsdtar']) {
  await t.test(`${tool} unpacks it as it is meant`, async (t) => {
    const archive = join(dir, 'sample.tar');
    await writeFile(archive, await bytesOf(planOf(SAMPLE)));
    const root = join(dir, tool);
    await mkdir(root);
    await run('env', ['LC_ALL=C.UTF-8', tool, '-x', '-p', '-f', archive, '-C', root]);
    const raw = Buffer.concat([Buffer.from(`${root}/`), SAMPLE[5]!.path]);
    t.same(await readFile(raw), expected(5));
    for (const index of [1, 2, 4, 6, 7]) {
      const file = join(root, Buffer.from(SAMPLE[index]!.path).toString());
      t.ok((await readFile(file)).equals(expected(index)), file);
      t.equal((await lstat(file)).mtime.getTime(), 1_700_000_000_000 + (index === 1 ? 123 : 0));
    }
    t.equal((await lstat(join(root, LONG))).uid, process.getuid?.() === 0 ? 4_000_000 : process.getuid?.());
    t.ok((await lstat(join(root, 'sparse'))).blocks < 400, 'holes stay holes');
    t.equal(await readlink(join(root, 'to')), `../${LONG}`);
    t.equal((await lstat(join(root, 'twice'))).ino, (await lstat(join(root, 'plain'))).ino);
    t.ok((await lstat(join(root, 'pipe'))).isFIFO());
    t.equal((await lstat(join(root, 'plain'))).mode & 0o7777, 0o640);
    t.equal((await readdir(root)).length, 9);
  });
}

await t.test('archives of GNU tar and bsdtar are read', async (t) => {
  const root = join(dir, 'tree');
  await mkdir(join(root, 'a'.repeat(120)), { recursive: true });
  const long = join(root, 'a'.repeat(120), 'b'.repeat(90));
  await writeFile(long, 'long');
  await symlink('c'.repeat(150), join(root, 'link'));
  await writeFile(join(root, 'gone'), '');
  const sparse = await open(join(root, 'sparse'), 'w');
  await sparse.write('x', 1_000_000);
  await sparse.close();
  await truncate(join(root, 'sparse'), 3_000_000);
  const made: readonly (readonly string[])[] = [
    ['tar', '--format=pax', '--sparse'],
    ['tar', '--format=gnu'],
    ['tar', '--format=posix', '--pax-option=globexthdr.comment=x,comment:=y'],
    ['bsdtar', '--format=pax', '--no-read-sparse'],
  ];
  for (const [tool = '', ...options] of made) {
    const archive = join(dir, 'made.tar');
    await run('env', ['LC_ALL=C.UTF-8', tool, ...options, '-c', '-f', archive, '-C', root, '.']);
    const bytes = await readFile(archive);
    const found = new Map(
      (await entriesOf(bytes)).map((each) => [Buffer.from(each.path).toString(), each] as const),
    );
    t.same([...found.keys()].sort(), [
      '',
      'a'.repeat(120),
      `${'a'.repeat(120)}/${'b'.repeat(90)}`,
      'gone',
      'link',
      'sparse',
    ]);
    const file = found.get(`${'a'.repeat(120)}/${'b'.repeat(90)}`);
    t.equal(bytes.subarray(file!.at, file!.at + file!.size).toString(), 'long');
    t.equal(Buffer.from(found.get('link')!.target!).toString(), 'c'.repeat(150));
    const { size, segments, at: place } = found.get('sparse')!;
    t.equal(size, 3_000_000);
    t.equal(segments !== undefined, options.includes('--sparse'));
    const before = segments === undefined ? 1_000_000 : 1_000_000 - segments[0]!.offset;
    t.equal(bytes[place + before], 0x78);
  }
});

const refused = async (bytes: Uint8Array): Promise<string> => {
  try {
    await entriesOf(bytes);
    return 'taken';
  } catch (error) {
    if (!hasCode(error, 'NS_ARCHIVE_BAD')) throw error;
    return (error as Error).message;
  }
};

await t.test('what leads out of the tree, has no end or makes no sense is refused', async (t) => {
  const one = (more: Partial<ArchiveEntry>) =>
    bytesOf(planOf([{ ...at, path: utf8('a'), kind: 'file', ...more }]));
  t.match(await refused(await one({ path: utf8('../up') })), /leads upwards/);
  t.match(await refused(await one({ path: utf8('a/../../up') })), /leads upwards/);
  t.match(await refused(await one({ path: utf8('/etc/passwd') })), /begins at the root/);
  t.match(await refused(await one({ path: utf8('a\0b'.padEnd(120, 'x')) })), /NUL/);
  t.match(await refused(await one({ kind: 'link', target: utf8('../../x') })), /leads upwards/);
  t.match(await refused(await one({ path: utf8('n'.repeat(800)) })), /too long/);
  t.match(await refused(await one({ path: utf8('d/'.repeat(200)) })), /more than 128 names/);
  t.match(await refused(new Uint8Array(0)), /ends in the middle/);
  t.match(await refused(new Uint8Array(512).fill(1)), /no header/);
  const whole = await one({ size: 5000 });
  t.match(await refused(whole.subarray(0, 3000)), /ends in the middle/);
  t.equal(await refused(new Uint8Array(1024)), 'taken', 'an empty archive');
  const many = planOf(Array.from({ length: 1001 }, (_, i) => ({ ...at, path: utf8(`${i}`), kind: 'file' })));
  t.match(await refused(await bytesOf(many)), /more than 1000 entries/);
});

await t.test('what headers say of all entries is little, and does not add up', async (t) => {
  const tar = (type: string, body: Uint8Array): Uint8Array => {
    const header = new Uint8Array(512);
    header.set(utf8('g'), 0);
    header.set(utf8(`${body.byteLength.toString(8).padStart(11, '0')}\0`), 124);
    header.set(utf8(type), 156);
    header.set(utf8('ustar\0'), 257);
    const sum = header.reduce((all, each, i) => all + (i >= 148 && i < 156 ? 0x20 : each), 0);
    header.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    return concatBytes(header, body, new Uint8Array((512 - (body.byteLength % 512)) % 512));
  };
  const records = (count: number, from: number) =>
    utf8(Array.from({ length: count }, (_, i) => `12 k${100_000 + from + i}=\n`).join(''));
  const file = tar('0', new Uint8Array(0));
  const few = concatBytes(tar('g', utf8('19 comment=of all.\n')), file, new Uint8Array(1024));
  t.equal(await refused(few), 'taken');
  const parts = Array.from({ length: 20 }, (_, i) => [tar('g', records(100, i * 100)), file]).flat();
  t.match(await refused(concatBytes(...parts)), /for all entries/);
});

await t.test('a file may be as large as a disk can say', async (t) => {
  for (const size of [10 ** 15, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
    const [held] = await entriesOf(
      await bytesOf(
        planOf([
          { ...at, path: utf8('a'), kind: 'file', size, segments: [{ offset: size - 10, length: 10 }] },
        ]),
      ),
    );
    t.match(held, { size, segments: [{ offset: size - 10, length: 10 }] });
  }
});

await t.test('damaged archives are refused or read, in bounds and in time', async (t) => {
  const whole = await bytesOf(planOf(SAMPLE));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(whole.byteLength), { freq: 4 }),
      async (changes, end) => {
        const damaged = whole.slice(0, end ?? whole.byteLength);
        for (const [offset, byte] of changes) if (offset < damaged.byteLength) damaged[offset] = byte;
        await refused(damaged);
      },
    ),
    { numRuns: 300 },
  );
  // Checksums would end most of the tries above: here they are right.
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.byteLength / 512 - 1),
      fc.nat(511),
      fc.nat(255),
      async (block, offset, byte) => {
        const damaged = whole.slice();
        const header = damaged.subarray(block * 512, block * 512 + 512);
        header[offset] = byte;
        const sum = header.reduce((all, each, i) => all + (i >= 148 && i < 156 ? 0x20 : each), 0);
        header.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
        await refused(damaged);
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});
