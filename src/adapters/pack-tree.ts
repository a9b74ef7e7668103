import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, readlink } from 'node:fs/promises';
import { fromUtf8, fromUtf8Lossy, isAllZero, NsError } from '../base/index.ts';
import { isXattrName } from '../protocol/index.ts';
import { type ArchiveEntry, ArchivePlan, MOST_SEGMENTS, type Segment } from '../transfer/index.ts';
import { readXattrs } from './local-xattrs.ts';
import type { LocalFile } from './operator-files.ts';
import { localFault, readWhole } from './operator-part.ts';

export interface PackOptions {
  /** Of everything in the tree; root's where neither this nor `preserve` says otherwise. */
  readonly owner?: { readonly uid: number; readonly gid?: number };
  /** Owners, ACLs and attributes of the files here. */
  readonly preserve: boolean;
  /** And set-id bits, security.* and trusted.*. */
  readonly privileges: boolean;
  readonly signal: AbortSignal;
}

/** What is sent of a local directory; the archive is never stored. */
export interface PackedTree extends Pick<LocalFile, 'size' | 'sha256' | 'read' | 'close'> {
  readonly entries: number;
}

/** As many as a device takes in one order. */
const MOST_ENTRIES = 10_000;
const DEPTH_MAX = 120;
const PIECE = 1024 * 1024;
const HOLE = 4096;
const RIGHTS = /^(?:security|trusted)\./;
const SECOND = 1_000_000_000n;

interface Source {
  readonly place: Buffer;
}

/**
 * Looks at all below a local directory, and hashes the archive that it makes. Symbolic links are kept as such, and not
 * followed. NS_LOCAL_FILE where something cannot be read, or cannot be put: a device, a pipe, a name that is not UTF-8.
 */
export async function packTree(directory: string, options: PackOptions): Promise<PackedTree> {
  const packing = new Packing(options);
  await packing.walk(Buffer.from(directory), Buffer.alloc(0), 0);
  const archive = packing.plan;
  const reader = new ContentReader(packing.sources);
  const read = (offset: number, into: Uint8Array): Promise<void> =>
    archive.read(offset, into, (index, at, part) => reader.read(index, at, part), options.signal);
  try {
    const hash = createHash('sha256');
    for (let at = 0; at < archive.size; at += PIECE) {
      options.signal.throwIfAborted();
      const piece = new Uint8Array(Math.min(PIECE, archive.size - at));
      await read(at, piece);
      hash.update(piece);
    }
    const sha256 = new Uint8Array(hash.digest());
    return { size: archive.size, sha256, entries: archive.entries.length, read, close: () => reader.close() };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

class Packing {
  readonly plan = new ArchivePlan();
  readonly sources: (Source | undefined)[] = [];
  readonly #o: PackOptions;
  /** The first name of a file that has several. */
  readonly #linked = new Map<string, Uint8Array>();

  constructor(options: PackOptions) {
    this.#o = options;
  }

  async walk(place: Buffer, path: Uint8Array, depth: number): Promise<void> {
    this.#o.signal.throwIfAborted();
    if (depth > DEPTH_MAX) throw unfit(place, `lies more than ${DEPTH_MAX} directories deep`);
    if (this.plan.entries.length >= MOST_ENTRIES) {
      throw unfit(
        place,
        `is one more than the ${MOST_ENTRIES} that one order may put; put the tree in parts`,
      );
    }
    const directory = await this.#add(place, path, depth === 0);
    if (!directory) return;
    const names = await readdir(place, { encoding: 'buffer' }).catch((error: unknown) => {
      throw localFault(place.toString(), 'read', error);
    });
    for (const name of names.sort((a, b) => Buffer.compare(a, b))) {
      const below = Buffer.concat([place, Buffer.from('/'), name]);
      if (fromUtf8(name) === undefined) throw unfit(below, 'has a name that is not UTF-8');
      const inTree = path.byteLength === 0 ? name : Buffer.concat([path, Buffer.from('/'), name]);
      await this.walk(below, new Uint8Array(inTree), depth + 1);
    }
  }

  /** True for a directory. */
  async #add(place: Buffer, path: Uint8Array, top: boolean): Promise<boolean> {
    const stat = await lstat(place, { bigint: true }).catch((error: unknown) => {
      throw localFault(place.toString(), 'read', error);
    });
    if (top && !stat.isDirectory()) throw unfit(place, 'is no directory');
    const { preserve, privileges, owner } = this.#o;
    const part = stat.mtimeNs % SECOND;
    const nanoseconds = Number(part < 0n ? part + SECOND : part);
    const entry = {
      path,
      mode: Number(stat.mode) & (preserve && privileges ? 0o7777 : 0o777),
      uid: owner?.uid ?? (preserve ? Number(stat.uid) : 0),
      gid: owner?.gid ?? (preserve && owner === undefined ? Number(stat.gid) : 0),
      mtime: Number((stat.mtimeNs - BigInt(nanoseconds)) / SECOND),
      mtimeNanoseconds: nanoseconds,
      size: 0,
      ...(preserve ? await xattrsOf(place, privileges) : {}),
    };
    if (stat.isDirectory()) {
      this.#push({ ...entry, kind: 'directory' });
      return true;
    }
    if (stat.isSymbolicLink()) {
      const target = new Uint8Array(await readlink(place, { encoding: 'buffer' }));
      if (fromUtf8(target) === undefined) throw unfit(place, 'leads to a name that is not UTF-8');
      this.#push({ ...entry, kind: 'symlink', target });
      return false;
    }
    if (!stat.isFile()) throw unfit(place, 'is no file, directory or symbolic link');
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.#linked.get(key) : undefined;
    if (first !== undefined) {
      this.#push({ ...entry, kind: 'link', target: first });
      return false;
    }
    if (stat.nlink > 1n) this.#linked.set(key, path);
    const size = Number(stat.size);
    const file = { ...entry, kind: 'file' as const, size };
    const segments = stat.blocks * 512n < stat.size ? await segmentsOf(place, size) : undefined;
    this.#push(segments === undefined ? file : { ...file, segments }, { place });
    return false;
  }

  #push(entry: ArchiveEntry, source?: Source): void {
    this.plan.add(entry);
    this.sources.push(source);
  }
}

const unfit = (place: Buffer, why: string): NsError =>
  new NsError('NS_LOCAL_FILE', `${fromUtf8Lossy(place)} ${why}`, { family: 'caller' });

async function xattrsOf(place: Buffer, privileges: boolean): Promise<Pick<ArchiveEntry, 'xattrs'>> {
  const read = await readXattrs(place.toString());
  if (!read.ok) throw unfit(place, `has attributes that cannot be read: ${read.why}`);
  const xattrs = read.xattrs.filter(({ name }) => isXattrName(name) && (privileges || !RIGHTS.test(name)));
  return xattrs.length === 0 ? {} : { xattrs };
}

/** What of a file with holes is not zeros; undefined where that is too many runs. */
async function segmentsOf(place: Buffer, size: number): Promise<readonly Segment[] | undefined> {
  const segments: Segment[] = [];
  const handle = await openForReading(place);
  try {
    const piece = new Uint8Array(PIECE);
    for (let at = 0; at < size; at += PIECE) {
      const length = Math.min(PIECE, size - at);
      await readWhole(handle, at, piece.subarray(0, length));
      for (let done = 0; done < length; done += HOLE) {
        const part = piece.subarray(done, Math.min(length, done + HOLE));
        if (isAllZero(part)) continue;
        const last = segments.at(-1);
        if (last !== undefined && last.offset + last.length === at + done) {
          segments[segments.length - 1] = { offset: last.offset, length: last.length + part.byteLength };
        } else segments.push({ offset: at + done, length: part.byteLength });
      }
      if (segments.length > MOST_SEGMENTS) return undefined;
    }
    return segments;
  } finally {
    await handle.close();
  }
}

async function openForReading(place: Buffer): Promise<FileHandle> {
  return open(place, 'r').catch((error: unknown) => {
    throw localFault(place.toString(), 'read', error);
  });
}

/** Reads one file after the other, and keeps the last one open. */
class ContentReader {
  readonly #sources: readonly (Source | undefined)[];
  #turn: Promise<void> = Promise.resolve();
  #open: { readonly index: number; readonly handle: FileHandle } | undefined;

  constructor(sources: readonly (Source | undefined)[]) {
    this.#sources = sources;
  }

  /** One at a time: several hosts may be sent to at once. */
  read(index: number, offset: number, into: Uint8Array): Promise<void> {
    const mine = this.#turn.then(() => this.#read(index, offset, into));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #read(index: number, offset: number, into: Uint8Array): Promise<void> {
    const place = this.#sources[index]?.place ?? Buffer.alloc(0);
    if (this.#open?.index !== index) {
      await this.#close();
      this.#open = { index, handle: await openForReading(place) };
    }
    await readWhole(this.#open.handle, offset, into).catch((error: unknown) => {
      throw localFault(place.toString(), 'read', error);
    });
  }

  async #close(): Promise<void> {
    await this.#open?.handle.close();
    this.#open = undefined;
  }

  close(): Promise<void> {
    return this.#turn.then(() => this.#close());
  }
}
