import { type ArchiveEntry, BLOCK, heldBytes, roundUp, type Segment } from './archive-entry.ts';
import { encodeHead } from './encode-header.ts';

/** Two blocks of zeros. */
const END = 2 * BLOCK;

/** Fills the whole of `into` from the contents of the entry with this number. */
export type ReadContents = (
  index: number,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal,
) => Promise<void>;

/**
 * A pax archive (POSIX.1-2001) whose every byte can be told at any time: only the entries are kept, headers are made as
 * they are read, and contents are asked for.
 */
export class ArchivePlan {
  readonly #entries: ArchiveEntry[] = [];
  /** Where the head of each begins, and how long it is. */
  readonly #starts: number[] = [];
  readonly #heads: number[] = [];
  #end = 0;
  #last: { readonly index: number; readonly head: Uint8Array } | undefined;

  get entries(): readonly ArchiveEntry[] {
    return this.#entries;
  }

  /** Bytes of the whole archive. */
  get size(): number {
    return this.#end + END;
  }

  add(entry: ArchiveEntry): void {
    const head = encodeHead(entry).byteLength;
    this.#entries.push(entry);
    this.#starts.push(this.#end);
    this.#heads.push(head);
    this.#end += head + roundUp(entry.kind === 'file' ? heldBytes(entry) : 0);
  }

  /** Fills the whole of `into`, which must lie within the archive. */
  async read(offset: number, into: Uint8Array, contents: ReadContents, signal: AbortSignal): Promise<void> {
    let done = 0;
    let index = this.#at(offset);
    while (done < into.byteLength) {
      const rest = into.subarray(done);
      const count = await this.#readEntry(index, offset + done, rest, contents, signal);
      done += count;
      index += 1;
    }
  }

  /** The last entry that begins at or before `offset`; -1 in an archive without any. */
  #at(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Fills what of `into` is of this entry, or of the end of the archive. */
  async #readEntry(
    index: number,
    offset: number,
    into: Uint8Array,
    contents: ReadContents,
    signal: AbortSignal,
  ): Promise<number> {
    const entry = this.#entries[index];
    const start = this.#starts[index] ?? this.#end;
    const end = this.#starts[index + 1] ?? this.#end;
    if (entry === undefined || offset >= this.#end) {
      into.fill(0);
      return into.byteLength;
    }
    const whole = into.subarray(0, Math.min(into.byteLength, end - offset));
    let done = 0;
    const within = offset - start;
    const head = this.#heads[index]!;
    if (within < head) {
      const bytes = this.#headOf(index, entry).subarray(within, within + whole.byteLength);
      whole.set(bytes);
      done = bytes.byteLength;
    }
    const held = entry.kind === 'file' ? heldBytes(entry) : 0;
    const from = within + done - head;
    const length = Math.min(whole.byteLength - done, Math.max(0, held - from));
    if (length > 0) {
      const target = whole.subarray(done, done + length);
      if (entry.segments === undefined) await contents(index, from, target, signal);
      else await readSegments(entry.segments, from, target, (at, part) => contents(index, at, part, signal));
    }
    whole.fill(0, done + length);
    return whole.byteLength;
  }

  #headOf(index: number, entry: ArchiveEntry): Uint8Array {
    if (this.#last?.index !== index) this.#last = { index, head: encodeHead(entry) };
    return this.#last.head;
  }
}

/** Reads a stretch of the segments of a file, put one behind the other. */
async function readSegments(
  segments: readonly Segment[],
  from: number,
  into: Uint8Array,
  read: (offset: number, into: Uint8Array) => Promise<void>,
): Promise<void> {
  let before = 0;
  let done = 0;
  for (const { offset, length } of segments) {
    const skip = from + done - before;
    before += length;
    if (skip >= length) continue;
    const part = into.subarray(done, done + Math.min(length - skip, into.byteLength - done));
    await read(offset + skip, part);
    done += part.byteLength;
    if (done === into.byteLength) return;
  }
}
