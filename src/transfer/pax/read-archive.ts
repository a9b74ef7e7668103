import { fromUtf8, fromUtf8Lossy, NsError } from '../../base/index.ts';
import type { ExtendedAttribute } from '../../ports/index.ts';
import { type ArchiveEntry, BLOCK, roundUp } from './archive-entry.ts';
import { isZeroBlock, type RawHeader, readHeader } from './decode-header.ts';
import { decodeRecords, parseTime } from './pax-records.ts';
import { isLinkTarget, plainPath } from './plain-path.ts';
import { readSparseMap } from './sparse-map.ts';

export interface ArchiveLimits {
  readonly entries: number;
  /** Bytes of all names, targets and attributes. */
  readonly namesBytes: number;
}

/** An entry, and where its contents begin in the archive: those of its segments, one behind the other. */
export interface HeldEntry extends ArchiveEntry {
  readonly at: number;
}

export type ReadArchive = (offset: number, into: Uint8Array) => Promise<void>;

/** Extended headers: of one entry, or all of them together in a chain. Attributes alone have a mebibyte, and their names beside. */
const MOST_RECORD_BYTES = 2 * 1024 * 1024;
/** Those for all entries that follow, in the whole archive: every entry is read with them. */
const MOST_SHARED_BYTES = 16 * 1024;
const MOST_LONG_NAME = 8192;
const XATTR = 'SCHILY.xattr.';

const bad = (what: string, at: number): NsError =>
  new NsError('NS_ARCHIVE_BAD', `the archive cannot be read at byte ${at}: ${what}`, { family: 'peer' });

/**
 * The entries of a tar archive in their order: ustar, pax, and the long names of GNU tar. Sparse files as GNU tar writes
 * them in pax archives (1.0). Paths come without "." and ".." or a leading "/". Throws NS_ARCHIVE_BAD for all that makes
 * no sense, goes out of bounds, or is not known.
 */
export async function* readArchive(
  read: ReadArchive,
  size: number,
  limits: ArchiveLimits,
): AsyncGenerator<HeldEntry, void> {
  const shared = new Map<string, Uint8Array>();
  let own = new Map<string, Uint8Array>();
  let entries = 0;
  let namesBytes = 0;
  let recordBytes = 0;
  let sharedBytes = 0;
  for (let at = 0; ; ) {
    if (at === size && entries > 0) return;
    if (at + BLOCK > size) throw bad('it ends in the middle', at);
    const block = new Uint8Array(BLOCK);
    await read(at, block);
    if (isZeroBlock(block)) return;
    const header = readHeader(block);
    if (typeof header === 'string') throw bad(header, at);
    const contentsAt = at + BLOCK;
    if (header.type === 'x' || header.type === 'g' || header.type === 'L' || header.type === 'K') {
      recordBytes += header.size + BLOCK;
      if (recordBytes > MOST_RECORD_BYTES) throw bad('its extended headers are too long', at);
      if (header.type === 'g') sharedBytes += header.size;
      if (sharedBytes > MOST_SHARED_BYTES) throw bad('its headers for all entries are too long', at);
      const body = await bodyOf(read, contentsAt, header.size, size);
      if (header.type === 'x' || header.type === 'g') {
        const records = decodeRecords(body);
        if (typeof records === 'string') throw bad(records, at);
        for (const [keyword, value] of records) (header.type === 'x' ? own : shared).set(keyword, value);
      } else {
        if (body.byteLength > MOST_LONG_NAME) throw bad('a name is too long', at);
        own.set(header.type === 'L' ? 'path' : 'linkpath', untilZero(body));
      }
      at = contentsAt + roundUp(header.size);
      continue;
    }
    const records = new Map([...shared, ...own]);
    const entry = await entryOf(read, { header, records, at: contentsAt, end: size });
    if (typeof entry === 'string') throw bad(entry, at);
    entries += 1;
    namesBytes +=
      entry.held.path.byteLength + (entry.held.target?.byteLength ?? 0) + attributeBytes(entry.held);
    if (entries > limits.entries) throw bad(`it has more than ${limits.entries} entries`, at);
    if (namesBytes > limits.namesBytes) throw bad('its names and attributes take too much room', at);
    yield entry.held;
    own = new Map();
    recordBytes = 0;
    at = contentsAt + roundUp(entry.stored);
  }
}

const isOwner = (number: number): boolean => number >= 0 && number < 2 ** 32;

const attributeBytes = ({ xattrs = [] }: ArchiveEntry): number =>
  xattrs.reduce((sum, { name, value }) => sum + name.length + value.byteLength, 0);

async function bodyOf(read: ReadArchive, at: number, length: number, size: number): Promise<Uint8Array> {
  if (at + length > size) throw bad('it ends in the middle', at);
  const body = new Uint8Array(length);
  await read(at, body);
  return body;
}

const untilZero = (bytes: Uint8Array): Uint8Array => {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
};

const KINDS: Readonly<Record<string, ArchiveEntry['kind']>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  '6': 'fifo',
};

interface Found {
  readonly header: RawHeader;
  readonly records: ReadonlyMap<string, Uint8Array>;
  /** Where what follows the header begins. */
  readonly at: number;
  /** Of the archive. */
  readonly end: number;
}

async function entryOf(
  read: ReadArchive,
  { header, records, at, end }: Found,
): Promise<{ readonly held: HeldEntry; readonly stored: number } | string> {
  const number = (keyword: string, otherwise: number): number => {
    const text = records.get(keyword);
    if (text === undefined) return otherwise;
    const value = fromUtf8Lossy(text);
    return /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  };
  const kind = KINDS[header.type];
  if (kind === undefined) {
    return `entries of the kind ${JSON.stringify(header.type)} are not taken: ${NOT_TAKEN[header.type] ?? 'unknown'}`;
  }
  const name = records.get('GNU.sparse.name') ?? records.get('path') ?? header.name;
  const path = plainPath(name);
  if (typeof path === 'string') return path;
  const stored = number('size', header.size);
  const uid = number('uid', header.uid);
  const gid = number('gid', header.gid);
  const time = timeOf(records.get('mtime'), header.mtime);
  if (!isOwner(uid) || !isOwner(gid) || time === undefined || !Number.isSafeInteger(stored)) {
    return 'a number in a header is none';
  }
  if (kind !== 'file' && stored !== 0 && kind !== 'link') return 'an entry that is no file has contents';
  const held = kind === 'file' ? stored : 0;
  if (at + held > end) return 'it ends in the middle';
  const xattrs = attributesOf(records);
  const common = {
    path,
    // What ends in "/" was a directory before directories had a kind of their own.
    kind: kind === 'file' && held === 0 && name.at(-1) === 0x2f ? ('directory' as const) : kind,
    mode: header.mode,
    uid,
    gid,
    mtime: time.seconds,
    ...(time.nanoseconds === 0 ? {} : { mtimeNanoseconds: time.nanoseconds }),
    ...(xattrs.length === 0 ? {} : { xattrs }),
  };
  if (kind === 'symlink' || kind === 'link') {
    const told = records.get('linkpath') ?? header.linkName;
    const target = kind === 'link' ? plainPath(told) : told;
    if (typeof target === 'string') return target;
    if (kind === 'symlink' ? !isLinkTarget(target) : target.byteLength === 0) return 'a link leads nowhere';
    return { held: { ...common, size: 0, target, at }, stored: 0 };
  }
  const sparse = [...records.keys()].some((keyword) => keyword.startsWith('GNU.sparse.'));
  if (!sparse) return { held: { ...common, size: held, at }, stored: held };
  if (number('GNU.sparse.major', 0) !== 1 || number('GNU.sparse.minor', 0) !== 0) {
    return 'a sparse file is kept in an old way: write the archive with --format=pax --sparse-version=1.0';
  }
  const size = number('GNU.sparse.realsize', Number.NaN);
  if (!Number.isSafeInteger(size)) return 'a sparse file has no size';
  const map = await readSparseMap((offset, into) => read(at + offset, into), held, size);
  if (typeof map === 'string') return map;
  return { held: { ...common, size, segments: map.segments, at: at + map.mapBytes }, stored: held };
}

const NOT_TAKEN: Readonly<Record<string, string>> = {
  '3': 'a device',
  '4': 'a device',
  S: 'a sparse file as old versions of GNU tar keep it; write the archive with --format=pax',
};

function timeOf(text: Uint8Array | undefined, otherwise: number) {
  if (text !== undefined) return parseTime(fromUtf8Lossy(text));
  return Number.isSafeInteger(otherwise) ? { seconds: otherwise, nanoseconds: 0 } : undefined;
}

function attributesOf(records: ReadonlyMap<string, Uint8Array>): ExtendedAttribute[] {
  const found: ExtendedAttribute[] = [];
  for (const [keyword, value] of records) {
    if (!keyword.startsWith(XATTR)) continue;
    const name = keyword.slice(XATTR.length).replace(/%3D/gi, '=').replaceAll('%25', '%');
    if (fromUtf8(Buffer.from(name)) !== undefined && name !== '') found.push({ name, value });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
