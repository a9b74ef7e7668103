import { createHash } from 'node:crypto';
import {
  concatBytes,
  fromUtf8,
  fromUtf8Lossy,
  NsError,
  type Refusal,
  refusal,
  refuse,
  utf8,
  type Verdict,
} from '../../base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem, HostPath, OpenFile } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import {
  type ArchiveEntry,
  ArchivePlan,
  heldBytes,
  isLinkTarget,
  type Segment,
} from '../../transfer/index.ts';
import { segmentsOf } from './file-segments.ts';
import { FindWalk, faultOfPlace, type Place } from './find-walk.ts';

type TreeNote = NonNullable<ResultOf<'file.upload'>['tree']>;

/** What of a tree is kept in memory while it is sent: some 64 MB at most. */
const MOST_ENTRIES = 80_000;
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_SKIPPED = 100;
/** A smaller file is sent with its holes as zeros. */
const SPARSE_FROM = 4096;
const SLASH = utf8('/');

/** A tree of a volume as an archive that can be read at any place, and whose every file is read only then. */
export interface TreePlan {
  readonly archive: ArchivePlan;
  /** The same for the same names, sizes and times. */
  readonly mark: number;
  readonly note: () => TreeNote;
  readonly read: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<void>;
}

/** Looks at all below a directory. TOO_MANY_FILES past what can be kept in memory, and what the directory refuses with. */
export async function planTree(
  fs: FileSystem,
  path: HostPath,
  progress: (seen: number) => Promise<void>,
  signal: AbortSignal,
): Promise<Verdict<TreePlan>> {
  const top = await fs.stat(path, true, signal);
  if (!top.ok) return top;
  if (top.value.kind !== 'directory') {
    return refuse('NOT_A_DIRECTORY', `${path} is a ${top.value.kind}.`, 'Leave -r out to get a file.');
  }
  const tree = new Tree(fs, progress, signal);
  const extras = await fs.extras?.(path, true, signal);
  tree.addTop(top.value, extras?.ok === true ? extras.value.xattrs : []);
  const bounds = { depth: undefined, entries: MOST_ENTRIES + 1 };
  const walked = await new FindWalk(fs, tree, bounds, signal).below(path, top.value);
  if (!walked.ok) return walked;
  if (tree.full !== undefined) return { ok: false, refusal: tree.full };
  return { ok: true, value: tree };
}

class Tree implements TreePlan {
  readonly archive = new ArchivePlan();
  full: Refusal | undefined;
  readonly #fs: FileSystem;
  readonly #signal: AbortSignal;
  readonly #progress: (seen: number) => Promise<void>;
  /** What a file is opened by, beside its name, by its number in the archive. */
  readonly #inodes: number[] = [];
  readonly #generations = new Map<number, number>();
  /** The path of the first name of an inode that has several. */
  readonly #linked = new Map<number, Uint8Array>();
  readonly #mark = createHash('sha256');
  readonly #skipped: { path: string; why: string }[] = [];
  readonly #counts = { files: 0, directories: 0, symlinks: 0, links: 0, others: 0 };
  /** From where on a file could not be read; it is zeros there. */
  readonly #broken = new Map<number, number>();
  #more = 0;
  #weight = 0;
  #held = 0;
  #open: { readonly index: number; readonly file: OpenFile } | undefined;
  #digest: number | undefined;

  constructor(fs: FileSystem, progress: (seen: number) => Promise<void>, signal: AbortSignal) {
    this.#fs = fs;
    this.#progress = progress;
    this.#signal = signal;
  }

  get mark(): number {
    this.#digest ??= this.#mark.digest().readUIntBE(0, 6);
    return this.#digest;
  }

  note(): TreeNote {
    return {
      archive: this.archive.size,
      entries: this.archive.entries.length,
      ...this.#counts,
      bytes: this.#held,
      skipped: [...this.#skipped],
      ...(this.#more === 0 ? {} : { more: this.#more }),
    };
  }

  wants(): boolean {
    return true;
  }

  progress(seen: number): Promise<void> {
    return this.#progress(seen);
  }

  skip(place: Place, why: string): void {
    this.#skip(pathOf(place), why);
  }

  addTop(stat: FileStat, xattrs: ArchiveEntry['xattrs']): void {
    this.#add(
      { ...commonOf(new Uint8Array(0), stat), kind: 'directory', size: 0, xattrs: xattrs ?? [] },
      stat,
    );
  }

  async visit(place: Place, entry: DirectoryEntry, stat: FileStat): Promise<boolean> {
    this.#signal.throwIfAborted();
    const path = pathOf(place);
    const common = commonOf(path, stat);
    switch (stat.kind) {
      case 'directory':
      case 'fifo':
        this.#add({ ...common, kind: stat.kind, size: 0, ...(await this.#xattrs(path, entry)) }, stat);
        break;
      case 'symlink': {
        const { target } = stat;
        if (target === undefined || target.includes('\ufffd') || !isLinkTarget(utf8(target))) {
          this.#skip(path, 'where this symbolic link leads is no path');
        } else {
          const more = await this.#xattrs(path, entry);
          this.#add({ ...common, kind: 'symlink', size: 0, target: utf8(target), ...more }, stat);
        }
        break;
      }
      case 'file':
        await this.#addFile(common, entry, stat);
        break;
      default:
        this.#skip(
          path,
          `a ${stat.kind === 'socket' ? 'socket' : `${stat.kind} device`}: an archive has none`,
        );
    }
    return this.full === undefined;
  }

  async #addFile(common: ReturnType<typeof commonOf>, entry: DirectoryEntry, stat: FileStat): Promise<void> {
    const first = stat.links > 1 ? this.#linked.get(stat.inode) : undefined;
    if (first !== undefined) {
      this.#add({ ...common, kind: 'link', size: 0, target: first }, stat);
      return;
    }
    const segments = await this.#segments(common.path, entry, stat);
    if (segments === 'unreadable') return;
    const file = {
      ...common,
      kind: 'file' as const,
      size: stat.size,
      ...(await this.#xattrs(common.path, entry)),
    };
    if (stat.links > 1) this.#linked.set(stat.inode, common.path);
    this.#add(segments === undefined ? file : { ...file, segments }, stat, entry);
  }

  #add(entry: ArchiveEntry, { size, inode }: FileStat, source?: DirectoryEntry): void {
    const { path, kind, target, xattrs = [], segments = [], mtime, mtimeNanoseconds } = entry;
    this.#weight += path.byteLength + (target?.byteLength ?? 0) + segments.length * 32;
    for (const { name, value } of xattrs) this.#weight += name.length + value.byteLength;
    if (this.archive.entries.length >= MOST_ENTRIES || this.#weight > MOST_BYTES) {
      const what =
        this.#weight > MOST_BYTES
          ? `Names, attributes and maps of holes of the tree take more than ${MOST_BYTES} bytes.`
          : `The tree has more than ${MOST_ENTRIES} entries.`;
      this.full = refusal('TOO_MANY_FILES', what);
      return;
    }
    this.archive.add(entry);
    if (source?.generation !== undefined) this.#generations.set(this.#inodes.length, source.generation);
    this.#inodes.push(source?.inode ?? -1);
    this.#counts[COUNTED[kind]] += 1;
    this.#held += heldBytes(entry);
    this.#mark.update(path).update(`\0${kind} ${size} ${mtime} ${mtimeNanoseconds ?? 0} ${inode}\0`);
  }

  async #xattrs(path: Uint8Array, entry: DirectoryEntry): Promise<Pick<ArchiveEntry, 'xattrs'>> {
    if (this.#fs.byEntry.extras === undefined) return {};
    try {
      const extras = await this.#fs.byEntry.extras(entry, this.#signal);
      if (!extras.ok) this.#skip(path, `its attributes: ${extras.refusal.sentence}`);
      else if (extras.value.xattrs.length > 0) return { xattrs: extras.value.xattrs };
    } catch (error) {
      this.#skip(path, `its attributes: ${faultOfPlace(error, this.#signal).sentence}`);
    }
    return {};
  }

  /** Where the file holds something; undefined where that is everywhere, or cannot be told in few words. */
  async #segments(
    path: Uint8Array,
    entry: DirectoryEntry,
    { size }: FileStat,
  ): Promise<readonly Segment[] | undefined | 'unreadable'> {
    try {
      const opened = await this.#fs.byEntry.open(entry, this.#signal);
      if (!opened.ok) {
        this.#skip(path, opened.refusal.sentence);
        return 'unreadable';
      }
      return size < SPARSE_FROM ? undefined : await segmentsOf(opened.value, this.#signal);
    } catch (error) {
      this.#skip(path, faultOfPlace(error, this.#signal).sentence);
      return 'unreadable';
    }
  }

  #skip(path: Uint8Array, why: string): void {
    if (this.#skipped.length >= MOST_SKIPPED) this.#more += 1;
    else this.#skipped.push({ path: fromUtf8Lossy(path).slice(0, 512), why: why.slice(0, 256) });
  }

  readonly read = (offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> =>
    this.archive.read(offset, into, (...piece) => this.#contents(...piece), signal);

  /** A file that turns out not to be readable is zeros from there on, and told of. */
  async #contents(index: number, offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const readable = Math.max(0, Math.min(into.byteLength, (this.#broken.get(index) ?? Infinity) - offset));
    into.fill(0, readable);
    if (readable === 0) return;
    let done = 0;
    let why: string;
    try {
      const file = await this.#fileOf(index, signal);
      while (done < readable) {
        const count = await file.read(offset + done, into.subarray(done, readable), signal);
        if (count === 0)
          throw new NsError('NS_FS_CORRUPT', `it ends at byte ${offset + done}`, { family: 'peer' });
        done += count;
      }
      return;
    } catch (error) {
      why = faultOfPlace(error, signal).sentence;
    }
    into.fill(0, done);
    if (!this.#broken.has(index)) {
      const path = this.archive.entries[index]?.path ?? new Uint8Array(0);
      this.#skip(path, `zeros from byte ${offset + done} on, where it cannot be read: ${why}`);
    }
    this.#broken.set(index, Math.min(offset + done, this.#broken.get(index) ?? Infinity));
  }

  /** As its directory told of it: 60,000 of these would take as much room as all else. */
  #entryOf(index: number): DirectoryEntry {
    const path = this.archive.entries[index]?.path ?? new Uint8Array(0);
    const rawName = path.subarray(path.lastIndexOf(0x2f) + 1);
    const generation = this.#generations.get(index);
    return {
      name: fromUtf8(rawName),
      rawName,
      inode: this.#inodes[index] ?? -1,
      kind: 'file',
      ...(generation === undefined ? {} : { generation }),
    };
  }

  async #fileOf(index: number, signal: AbortSignal): Promise<OpenFile> {
    if (this.#open?.index === index) return this.#open.file;
    const opened = await this.#fs.byEntry.open(this.#entryOf(index), signal);
    if (!opened.ok) throw new NsError('NS_FS_CORRUPT', opened.refusal.sentence, { family: 'peer' });
    this.#open = { index, file: opened.value };
    return opened.value;
  }
}

const COUNTED = {
  file: 'files',
  directory: 'directories',
  symlink: 'symlinks',
  link: 'links',
  fifo: 'others',
} as const;

function commonOf(path: Uint8Array, { mode, uid, gid, mtime, mtimeNanoseconds = 0 }: FileStat) {
  return { path, mode, uid, gid, mtime, ...(mtimeNanoseconds === 0 ? {} : { mtimeNanoseconds }) };
}

const pathOf = (place: Place): Uint8Array =>
  concatBytes(...place.flatMap((name, i) => (i === 0 ? [name] : [SLASH, name])));
