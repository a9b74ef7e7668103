import { createHash, type Hash } from 'node:crypto';
import {
  concatBytes,
  crc32,
  fromUtf8Lossy,
  hours,
  KiB,
  MiB,
  NsError,
  seconds,
  toHex,
  utf8,
} from '../../base/index.ts';
import type { ZmodemFile } from '../../console/index.ts';
import type { Clock, LogSink, StagedFile, StateStore } from '../../ports/index.ts';

/** Beside the contents that tasks stage, and dropped as these are where room is needed and nobody has claimed it. */
const PREFIX = 'staged-console-';
const NOTE = '.map';
/** A part that nobody goes on with is thrown away after this. */
export const KEPT_FOR = hours(24);
const MOST_PARTS = 4;
const PIECE = 32 * KiB;
/** What a power cut takes of what came. */
const SAVE_BYTES = MiB;
const SAVE_EVERY = seconds(30);

interface PartsOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: LogSink;
  /** The largest file, in bytes. */
  readonly largest: number;
  /** Takes a part that nobody has: neither another console nor a task that makes room. */
  readonly tryClaim: (name: string) => (() => void) | undefined;
}

/** What a sender says of its file, by which its rest is known. */
export type PartFile = Pick<ZmodemFile, 'name' | 'mtime'> & { readonly size: number };

interface Note {
  readonly file: PartFile;
  /** Bytes that are there, durably. */
  readonly got: number;
  /** Wall clock, in seconds. */
  readonly at: number;
}

/** Parts of files that came over a line and wait for their rest, in our own storage. */
export class FileParts {
  readonly #o: PartsOptions;

  constructor(options: PartsOptions) {
    this.#o = options;
  }

  /** The part under this key, for one at a time: undefined while somebody else has it. */
  async open(key: string): Promise<FilePart | undefined> {
    const name = `${PREFIX}${toHex(createHash('sha256').update(key).digest().subarray(0, 8))}`;
    const closed = this.#o.tryClaim(name);
    if (closed === undefined) return undefined;
    try {
      await this.sweep();
      return new FilePart(name, this.#o, await readNote(this.#o.store, name), closed);
    } catch (error) {
      closed();
      throw error;
    }
  }

  /** Throws away what is older than a day, and the oldest where there are too many. */
  async sweep(): Promise<void> {
    const { store, clock, log, tryClaim } = this.#o;
    const now = clock.wallSeconds();
    const claimed: { readonly name: string; readonly at: number; readonly release: () => void }[] = [];
    try {
      for (const name of await store.names(PREFIX)) {
        const release = name.endsWith(NOTE) ? undefined : tryClaim(name);
        if (release === undefined) continue;
        const part = { name, at: Number.NEGATIVE_INFINITY, release };
        claimed.push(part);
        part.at = (await readNote(store, name))?.at ?? part.at;
      }
      const newest = [...claimed].sort((a, b) => b.at - a.at).slice(0, MOST_PARTS - 1);
      for (const part of claimed) {
        const { name, at } = part;
        if (now - at < KEPT_FOR / 1000 && newest.includes(part)) continue;
        await dropPart(store, name);
        log.log('info', 'console.part-dropped', { name });
      }
    } finally {
      for (const { release } of claimed) release();
    }
  }
}

/** One of them. In order, from one who writes. */
export class FilePart {
  readonly #name: string;
  readonly #o: PartsOptions;
  readonly #closed: () => void;
  #note: Note | undefined;
  #file: StagedFile | undefined;
  #hash: Hash = createHash('sha256');
  /** Came and is not written yet. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Bytes that are written. */
  #written = 0;
  #saved = 0;
  #savedAt: number;

  constructor(name: string, options: PartsOptions, note: Note | undefined, closed: () => void) {
    this.#name = name;
    this.#o = options;
    this.#note = note;
    this.#closed = closed;
    this.#savedAt = options.clock.monotonic();
  }

  /** Bytes that wait for their rest. */
  get waiting(): number {
    return this.#note?.got ?? 0;
  }

  /**
   * Makes room for this file. What there is of it, and its CRC-32; what there is of another one is thrown away.
   * NS_FILE_TOO_LARGE, NS_STATE_FULL.
   */
  async begin(file: PartFile): Promise<{ readonly bytes: number; readonly crc32: number }> {
    const { store, largest } = this.#o;
    if (file.size > largest)
      throw new NsError(
        'NS_FILE_TOO_LARGE',
        `the file has ${file.size} bytes; this device takes ${largest} at most`,
        {
          family: 'caller',
        },
      );
    const known = this.#note;
    const same =
      known !== undefined &&
      known.file.size === file.size &&
      known.file.name === file.name &&
      known.file.mtime === file.mtime &&
      (await store.names(this.#name)).includes(this.#name);
    if (!same) await this.#clear(file);
    this.#file ??= await store.stagedFile(this.#name, file.size);
    return same ? await this.#lookThrough(known.got) : { bytes: 0, crc32: 0 };
  }

  /** In order; from 0 on once more where the sender's file begins otherwise. */
  async write(offset: number, content: Uint8Array): Promise<void> {
    if (offset === 0) this.#restart();
    const file = this.#staged;
    if (offset + content.byteLength > file.size)
      throw new NsError('NS_ZMODEM_SIZE', 'more comes than the sender has announced', { family: 'peer' });
    this.#hash.update(content);
    this.#pending.push(content);
    this.#pendingBytes += content.byteLength;
    if (this.#pendingBytes >= PIECE) await this.#writePending();
    const { clock } = this.#o;
    const due = clock.monotonic() - this.#savedAt >= SAVE_EVERY;
    if (due || this.#written - this.#saved >= SAVE_BYTES) await this.save();
  }

  /** On return what came is kept, also through a power cut. */
  async save(): Promise<void> {
    if (this.#file === undefined || this.#note === undefined) return;
    await this.#writePending();
    await this.#file.data.flush();
    this.#note = { ...this.#note, got: this.#written, at: this.#o.clock.wallSeconds() };
    await this.#o.store.writeDocument(`${this.#name}${NOTE}`, utf8(JSON.stringify(this.#note)));
    this.#saved = this.#written;
    this.#savedAt = this.#o.clock.monotonic();
  }

  /** Its hash, where all of it is here. */
  async whole(): Promise<{ readonly file: PartFile; readonly sha256: Uint8Array } | undefined> {
    await this.save();
    if (this.#note === undefined || this.#written !== this.#note.file.size) return undefined;
    return { file: this.#note.file, sha256: new Uint8Array(this.#hash.copy().digest()) };
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#staged.data.read(offset, into);
  }

  /** Keeps what came, and lets go of it. */
  async close(): Promise<void> {
    try {
      await this.#file?.data.close();
    } finally {
      this.#file = undefined;
      this.#closed();
    }
  }

  /** Throws it away. */
  async drop(): Promise<void> {
    try {
      await this.close();
    } finally {
      await dropPart(this.#o.store, this.#name);
    }
  }

  get #staged(): StagedFile {
    if (this.#file === undefined) throw new NsError('NS_STATE_IO', 'no part is open', { family: 'bug' });
    return this.#file;
  }

  async #clear(file: PartFile): Promise<void> {
    const { store } = this.#o;
    await dropPart(store, this.#name);
    this.#note = undefined;
    // Once here, and once more where the order stages it.
    if (2 * file.size > (await store.free()))
      throw new NsError('NS_STATE_FULL', `own storage has no room for a file of ${file.size} bytes, twice`);
    this.#note = { file, got: 0, at: this.#o.clock.wallSeconds() };
  }

  async #lookThrough(got: number): Promise<{ readonly bytes: number; readonly crc32: number }> {
    const piece = new Uint8Array(64 * KiB);
    let crc = 0;
    for (let at = 0; at < got; at += piece.byteLength) {
      const here = piece.subarray(0, Math.min(piece.byteLength, got - at));
      await this.#staged.data.read(at, here);
      this.#hash.update(here);
      crc = crc32(here, crc);
    }
    this.#written = got;
    this.#saved = got;
    return { bytes: got, crc32: crc };
  }

  #restart(): void {
    this.#hash = createHash('sha256');
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#written = 0;
    this.#saved = 0;
  }

  async #writePending(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const bytes = concatBytes(...this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#staged.data.write(this.#written, bytes);
    this.#written += bytes.byteLength;
  }
}

async function dropPart(store: StateStore, name: string): Promise<void> {
  await store.remove(`${name}${NOTE}`);
  await store.remove(name);
}

async function readNote(store: StateStore, name: string): Promise<Note | undefined> {
  const bytes = await store.readDocument(`${name}${NOTE}`);
  if (bytes === undefined) return undefined;
  try {
    const { file, got, at } = JSON.parse(fromUtf8Lossy(bytes)) as Note;
    const numbers = [file.size, got, at].every((each) => Number.isSafeInteger(each) && each >= 0);
    return numbers && typeof file.name === 'string' && got <= file.size ? { file, got, at } : undefined;
  } catch {
    return undefined;
  }
}
