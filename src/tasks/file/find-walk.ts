import { NsError, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem, HostPath } from '../../ports/index.ts';

/** One directory that holds more is passed over. */
const ENTRIES_MAX = 200_000;
/** Facts of so many siblings are asked for at once, which the filesystem reads in the order of the disk. */
const TOGETHER = 16_384;
/** Bytes of a path on a host. */
const PATH_BYTES = 4096;
/** Directories below one another. */
const DEPTH_MAX = 128;
const PROGRESS_EVERY = 1024;

/** A place below the directory that is searched: the names on the way, as the bytes on disk. */
export type Place = readonly Uint8Array[];

export interface WalkBounds {
  readonly depth: number | undefined;
  /** Names looked at. */
  readonly entries: number;
}

export interface WalkVisitor {
  /** By what the directory says of it: are its facts wanted? */
  wants(entry: DirectoryEntry): boolean;
  /** One that was wanted, with its facts. False ends the walk behind it. */
  visit(place: Place, entry: DirectoryEntry, stat: FileStat): Promise<boolean>;
  skip(place: Place, why: string): void;
  /** Waited for now and then. */
  progress(seen: number): Promise<void>;
}

/** What went wrong with one file or directory; anything that is not of the disk or of what is on it is thrown on. */
export function faultOfPlace(error: unknown, signal: AbortSignal): NsError {
  signal.throwIfAborted();
  if (error instanceof NsError && PLACED.includes(error.code)) return error;
  throw error;
}
const PLACED = ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED', 'NS_BLOCK_IO'];

/**
 * All that is below a directory: each directory before what is in it, siblings in the order of the bytes of their names.
 * Links are not followed, and no directory is entered twice. What cannot be read is told and passed over.
 */
export class FindWalk {
  directories = 0;
  files = 0;
  readonly #fs: FileSystem;
  readonly #visitor: WalkVisitor;
  readonly #bounds: WalkBounds;
  readonly #signal: AbortSignal;
  readonly #entered = new Set<number>();
  #seen = 0;

  constructor(fs: FileSystem, visitor: WalkVisitor, bounds: WalkBounds, signal: AbortSignal) {
    this.#fs = fs;
    this.#visitor = visitor;
    this.#bounds = bounds;
    this.#signal = signal;
  }

  /**
   * Walks what is below the directory, behind the place `after` where it is given. Gives the place that the walk ended
   * at before all was seen. Only the directory itself not being readable refuses, or throws.
   */
  async below(
    path: HostPath,
    { inode }: FileStat,
    after: Place = [],
  ): Promise<Verdict<{ readonly endedAt?: Place }>> {
    const entries = await this.#sorted(await this.#fs.list(path, this.#signal), []);
    if (!entries.ok) return entries;
    this.#entered.add(inode);
    this.directories += 1;
    const bytes = path === '/' ? 0 : utf8(path).byteLength;
    const endedAt = await this.#siblings(entries.value, [], bytes, after);
    return { ok: true, value: endedAt === undefined ? {} : { endedAt } };
  }

  async #siblings(
    entries: readonly DirectoryEntry[],
    above: Place,
    bytesAbove: number,
    after: Place,
  ): Promise<Place | undefined> {
    let from = 0;
    const [first, ...rest] = after;
    if (first !== undefined) {
      while (from < entries.length && compareNames(entries[from]!.rawName, first) < 0) from += 1;
      const entry = entries[from];
      if (entry !== undefined && compareNames(entry.rawName, first) === 0) {
        from += 1;
        const ended = await this.#enter(entry, above, bytesAbove, rest);
        if (ended !== undefined) return ended;
      }
    }
    for (let start = from; start < entries.length; start += TOGETHER) {
      const some = entries.slice(start, start + TOGETHER);
      const wanted = some.filter((entry) => entry.kind === 'unknown' || this.#visitor.wants(entry));
      const stats = await this.#fs.byEntry.stat(wanted, this.#signal);
      const facts = new Map(wanted.map((entry, i) => [entry, stats[i]]));
      for (const entry of some) {
        const ended = await this.#one(entry, facts.get(entry), above, bytesAbove);
        if (ended !== undefined) return ended;
      }
    }
    return undefined;
  }

  async #one(
    entry: DirectoryEntry,
    stat: FileStat | NsError | undefined,
    above: Place,
    bytesAbove: number,
  ): Promise<Place | undefined> {
    this.#seen += 1;
    if (this.#seen % PROGRESS_EVERY === 0) {
      await this.#visitor.progress(this.#seen);
      this.#signal.throwIfAborted();
    }
    if (!isOneName(entry.rawName)) {
      this.#visitor.skip([...above, entry.rawName], 'no path can name it');
      return undefined;
    }
    if (stat instanceof NsError) {
      this.#visitor.skip([...above, entry.rawName], faultOfPlace(stat, this.#signal).sentence);
      return undefined;
    }
    const known = stat === undefined ? entry : { ...entry, kind: stat.kind };
    if (known.kind !== 'directory') this.files += 1;
    if (stat !== undefined && this.#visitor.wants(known)) {
      const place = [...above, entry.rawName];
      if (!(await this.#visitor.visit(place, known, stat))) return place;
    }
    if (this.#seen >= this.#bounds.entries) return [...above, entry.rawName];
    return known.kind === 'directory' ? this.#enter(known, above, bytesAbove, []) : undefined;
  }

  async #enter(
    directory: DirectoryEntry,
    above: Place,
    bytesAbove: number,
    after: Place,
  ): Promise<Place | undefined> {
    if (directory.kind !== 'directory' && directory.kind !== 'unknown') return undefined;
    const depth = above.length + 1;
    if (depth >= (this.#bounds.depth ?? DEPTH_MAX + 1)) return undefined;
    const here = [...above, directory.rawName];
    if (depth >= DEPTH_MAX) {
      this.#visitor.skip(here, `it lies more than ${DEPTH_MAX} directories deep`);
      return undefined;
    }
    const bytes = bytesAbove + directory.rawName.byteLength + 1;
    const entries = await this.#list(directory, here, bytes);
    return entries === undefined ? undefined : this.#siblings(entries, here, bytes, after);
  }

  async #list(
    directory: DirectoryEntry,
    here: Place,
    bytes: number,
  ): Promise<readonly DirectoryEntry[] | undefined> {
    if (this.#entered.has(directory.inode)) {
      this.#visitor.skip(here, 'this directory is met a second time: the directories lead round in a circle');
      return undefined;
    }
    if (bytes > PATH_BYTES) {
      this.#visitor.skip(here, `its path is longer than ${PATH_BYTES} bytes`);
      return undefined;
    }
    this.#entered.add(directory.inode);
    try {
      const entries = await this.#sorted(await this.#fs.byEntry.list(directory, this.#signal), here);
      if (entries.ok) {
        this.directories += 1;
        return entries.value;
      }
      if (directory.kind === 'unknown' && entries.refusal.code === 'NOT_A_DIRECTORY') return undefined;
      this.#visitor.skip(here, entries.refusal.sentence);
    } catch (error) {
      this.#visitor.skip(here, faultOfPlace(error, this.#signal).sentence);
    }
    return undefined;
  }

  async #sorted(
    listing: Verdict<AsyncIterable<DirectoryEntry>>,
    here: Place,
  ): Promise<Verdict<DirectoryEntry[]>> {
    if (!listing.ok) return listing;
    const entries: DirectoryEntry[] = [];
    try {
      for await (const entry of listing.value) {
        if (entries.length >= ENTRIES_MAX) {
          return refuse('TOO_MANY_FILES', `It holds more than ${ENTRIES_MAX} entries.`);
        }
        entries.push(entry);
      }
    } catch (error) {
      // What stands before the damage is looked at all the same.
      if (here.length === 0 && entries.length === 0) throw error;
      this.#visitor.skip(here, faultOfPlace(error, this.#signal).sentence);
    }
    entries.sort((a, b) => compareNames(a.rawName, b.rawName));
    return { ok: true, value: this.#each(entries, here) };
  }

  /** A name that stands twice could not be told apart when the search goes on behind it. */
  #each(sorted: DirectoryEntry[], here: Place): DirectoryEntry[] {
    return sorted.filter(({ rawName }, i) => {
      const before = sorted[i - 1];
      if (before === undefined || compareNames(before.rawName, rawName) !== 0) return true;
      this.#visitor.skip([...here, rawName], 'another file here has the same name');
      return false;
    });
  }
}

/** By their bytes; the shorter first where one begins with the other. */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.byteLength, b.byteLength);
  for (let i = 0; i < length; i += 1) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.byteLength - b.byteLength;
}

/** What a damaged or hostile disk has for a name may lead elsewhere. */
function isOneName(rawName: Uint8Array): boolean {
  if (rawName.includes(0x2f) || rawName.includes(0)) return false;
  const dots = rawName.byteLength <= 2 && rawName.every((byte) => byte === 0x2e);
  return !dots;
}
