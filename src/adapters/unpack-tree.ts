import {
  chmod,
  type FileHandle,
  lchown,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fromUtf8, fromUtf8Lossy } from '../base/index.ts';
import { type HeldEntry, readArchive } from '../transfer/index.ts';
import { keepAttributes, withoutOwner } from './keep-attributes.ts';
import { localFault, readWhole } from './operator-part.ts';

/** What became of an archive that was unpacked. */
export interface Unpacked {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly links: number;
  /** Entries whose extended attributes were left out. */
  readonly attributes: number;
  /** What could not be made here, and why; `more` of them are not listed. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
  readonly more: number;
}

export interface UnpackOptions {
  /** Owners, set-id bits, ACLs and attributes. Without it all is ours, and its group may what everybody may. */
  readonly preserve: boolean;
  readonly signal: AbortSignal;
}

const LIMITS = { entries: 200_000, namesBytes: 64 * 1024 * 1024 };
const MOST_LEFT = 100;
const PIECE = 1024 * 1024;
/** What a name or a place on this machine's filesystem says no with; anything else ends the unpacking. */
const OF_A_NAME = ['EEXIST', 'ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'EPERM', 'ENOTSUP', 'EMLINK', 'EFBIG'];

/**
 * Unpacks a tree that came from a host, which nobody trusts, as a directory that is not there yet: whole, or not at all.
 * Nothing is made outside of it: names that lead elsewhere refuse the archive (NS_ARCHIVE_BAD), all is made in a new
 * directory of ours, and links come last, so that no name leads through one. Devices and pipes are never made.
 * NS_LOCAL_FILE where this machine says no.
 */
export async function unpackTree(archive: string, target: string, o: UnpackOptions): Promise<Unpacked> {
  let handle: FileHandle | undefined;
  let room: string | undefined;
  try {
    handle = await open(archive, 'r');
    const { size } = await handle.stat();
    room = await mkdtemp(join(dirname(target), `.${basename(target).slice(0, 100)}.nightshift-`));
    const unpacking = new Unpacking(handle, room, o);
    const done = await unpacking.run(size);
    await rename(room, target);
    return done;
  } catch (error) {
    if (room !== undefined) await rm(room, { recursive: true, force: true });
    if (o.signal.aborted) throw error;
    throw localFault(target, 'unpacked', error);
  } finally {
    await handle?.close();
  }
}

const keyOf = (path: Uint8Array): string => Buffer.from(path).toString('latin1');
const seconds = ({ mtime, mtimeNanoseconds = 0 }: HeldEntry): number => mtime + mtimeNanoseconds / 1e9;

class Unpacking {
  readonly #handle: FileHandle;
  readonly #root: Buffer;
  readonly #o: UnpackOptions;
  /** By their paths, what was made, and so leads nowhere else. */
  readonly #directories = new Map<string, HeldEntry | undefined>();
  readonly #files = new Set<string>();
  readonly #later: HeldEntry[] = [];
  readonly #counts = { symlinks: 0, links: 0, attributes: 0 };
  readonly #left: { path: string; why: string }[] = [];
  #more = 0;

  constructor(handle: FileHandle, root: string, o: UnpackOptions) {
    this.#handle = handle;
    this.#root = Buffer.from(root);
    this.#o = o;
    this.#directories.set('', undefined);
  }

  async run(size: number): Promise<Unpacked> {
    const read = (offset: number, into: Uint8Array) => readWhole(this.#handle, offset, into);
    for await (const entry of readArchive(read, size, LIMITS)) {
      this.#o.signal.throwIfAborted();
      if (entry.xattrs !== undefined && !this.#o.preserve) this.#counts.attributes += 1;
      if (entry.kind === 'link' || entry.kind === 'symlink') this.#later.push(entry);
      else await this.#try(entry, () => this.#make(entry));
    }
    for (const kind of ['link', 'symlink'] as const) {
      for (const entry of this.#later) {
        this.#o.signal.throwIfAborted();
        if (entry.kind === kind) await this.#try(entry, () => this.#makeLink(entry));
      }
    }
    for (const entry of [...this.#directories.values()].reverse()) {
      if (entry === undefined) continue;
      const place = this.#placeOf(entry);
      await this.#dress(entry, place);
    }
    return {
      files: this.#files.size,
      directories: this.#directories.size,
      ...this.#counts,
      left: this.#left,
      more: this.#more,
    };
  }

  async #make(entry: HeldEntry): Promise<void> {
    const place = this.#placeOf(entry);
    const key = keyOf(entry.path);
    if (entry.kind === 'directory') {
      if (!this.#directories.has(key)) await mkdir(place, { mode: 0o700 });
      this.#directories.set(key, entry);
    } else if (entry.kind === 'file') {
      await this.#write(entry, place);
      this.#files.add(key);
    } else this.#leave(entry, `a ${entry.kind}, which is not made here`);
  }

  async #makeLink(entry: HeldEntry): Promise<void> {
    const { target = new Uint8Array(0) } = entry;
    const place = this.#placeOf(entry);
    if (entry.kind === 'link') {
      if (!this.#files.has(keyOf(target))) {
        this.#leave(entry, `the file that it is another name of, ${fromUtf8Lossy(target)}, is not here`);
        return;
      }
      await link(this.#under(target), place);
      this.#counts.links += 1;
      return;
    }
    await symlink(Buffer.from(target), place);
    if (this.#o.preserve) await lchown(place, entry.uid, entry.gid).catch(() => undefined);
    await lutimes(place, seconds(entry), seconds(entry));
    this.#counts.symlinks += 1;
  }

  /** Exclusively new: a name that this machine takes for another one's is told of, and never written over. */
  async #write(entry: HeldEntry, place: Buffer): Promise<void> {
    const file = await open(place, 'wx', 0o600);
    try {
      await this.#fill(entry, file);
    } catch (error) {
      await rm(place, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await this.#dress(entry, place);
  }

  async #fill(entry: HeldEntry, file: FileHandle): Promise<void> {
    let at = entry.at;
    for (const { offset, length } of entry.segments ?? [{ offset: 0, length: entry.size }]) {
      await this.#copy(file, at, offset, length);
      at += length;
    }
    if (entry.segments !== undefined) await file.truncate(entry.size);
  }

  async #copy(file: FileHandle, from: number, to: number, length: number): Promise<void> {
    const buffer = new Uint8Array(Math.min(PIECE, length));
    for (let done = 0; done < length; ) {
      this.#o.signal.throwIfAborted();
      const piece = buffer.subarray(0, Math.min(PIECE, length - done));
      await readWhole(this.#handle, from + done, piece);
      for (let put = 0; put < piece.byteLength; ) {
        put += (await file.write(piece, put, piece.byteLength - put, to + done + put)).bytesWritten;
      }
      done += piece.byteLength;
    }
  }

  /** Mode and time, and what else is to be kept. */
  async #dress(entry: HeldEntry, place: Buffer): Promise<void> {
    const path = fromUtf8(place);
    if (path !== undefined) {
      for (const what of await keepAttributes(path, entry, this.#o.preserve)) {
        this.#leave(entry, `not kept: ${what}`);
      }
      return;
    }
    if (this.#o.preserve) this.#leave(entry, 'not kept: owner and attributes, since its name is not UTF-8');
    await chmod(place, withoutOwner(entry.mode));
    await utimes(place, seconds(entry), seconds(entry));
  }

  async #try(entry: HeldEntry, make: () => Promise<void>): Promise<void> {
    const parent = keyOf(entry.path).replace(/(^|\/)[^/]*$/s, '');
    if (!this.#directories.has(parent)) {
      this.#leave(entry, 'the directory that it is in was not made');
      return;
    }
    try {
      await make();
    } catch (error) {
      const code = codeOf(error);
      if (this.#o.signal.aborted || !OF_A_NAME.includes(code)) throw error;
      const why =
        code === 'EEXIST' ? 'this machine takes its name for that of another file in the tree' : code;
      this.#leave(entry, why);
    }
  }

  #leave({ path }: HeldEntry, why: string): void {
    if (this.#left.length >= MOST_LEFT) this.#more += 1;
    else this.#left.push({ path: fromUtf8Lossy(path), why });
  }

  #placeOf({ path }: HeldEntry): Buffer {
    return this.#under(path);
  }

  #under(path: Uint8Array): Buffer {
    return path.byteLength === 0 ? this.#root : Buffer.concat([this.#root, Buffer.from('/'), path]);
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
