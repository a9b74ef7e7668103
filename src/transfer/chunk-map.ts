import { ByteView, crc32c, hasCode } from '../base/index.ts';

const MAGIC = 0x4e53_434d; // "NSCM"
const HEAD = 16;
const RUN = 16;
/** A map read back from storage may not name more runs than this: 16 MiB of them. */
const MAX_RUNS = 1 << 20;

/** Chunks needed for `size` bytes; the last may be short. */
export const chunksOf = (size: number, chunk: number): number => Math.ceil(size / chunk);

/** Length of chunk `index` of a file of `size` bytes. */
export const chunkLength = (index: number, size: number, chunk: number): number =>
  Math.min(chunk, size - index * chunk);

/**
 * Which chunks of a file are there. Kept as runs, so that its size follows the number of gaps and not the size of the
 * file: a transfer in order is one run, whether it has ten chunks or 2^37.
 */
export class ChunkMap {
  /** Chunks in the whole file. */
  readonly total: number;
  /** Sorted, disjoint, not touching: [first, end). */
  readonly #runs: [number, number][] = [];
  #count = 0;

  constructor(total: number) {
    this.total = total;
  }

  /** Chunks that are there. */
  get count(): number {
    return this.#count;
  }

  get complete(): boolean {
    return this.#count === this.total;
  }

  /** The first run that ends after `index`. */
  #at(index: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]![1] > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  has(index: number): boolean {
    const run = this.#runs[this.#at(index)];
    return run !== undefined && run[0] <= index;
  }

  /** False where the chunk was there already, or is none of this file's. */
  add(index: number): boolean {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.total) return false;
    const at = this.#at(index);
    const after = this.#runs[at];
    if (after !== undefined && after[0] <= index) return false;
    const before = this.#runs[at - 1];
    const joinsBefore = before !== undefined && before[1] === index;
    const joinsAfter = after !== undefined && after[0] === index + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.#runs.splice(at, 1);
    } else if (joinsBefore) before[1] += 1;
    else if (joinsAfter) after[0] -= 1;
    else this.#runs.splice(at, 0, [index, index + 1]);
    this.#count += 1;
    return true;
  }

  /** Adds all chunks from `first` to `end`, the last not included; those that are there already count once. */
  addRun(first: number, end: number): void {
    if (!Number.isSafeInteger(first) || first < 0 || first >= end || end > this.total) return;
    // A run that ends at `first` touches it.
    const low = this.#at(first - 1);
    const run: [number, number] = [first, end];
    let high = low;
    for (; high < this.#runs.length && this.#runs[high]![0] <= end; high += 1) {
      const [from, to] = this.#runs[high]!;
      run[0] = Math.min(run[0], from);
      run[1] = Math.max(run[1], to);
      this.#count -= to - from;
    }
    this.#runs.splice(low, high - low, run);
    this.#count += run[1] - run[0];
  }

  /** The end of the chunks that are missing from `from` on, where that one is. */
  endOfMissing(from: number): number {
    return this.#runs[this.#at(from)]?.[0] ?? this.total;
  }

  /** The lowest missing chunk at or after `from`; undefined where none is missing there. */
  nextMissing(from: number): number | undefined {
    const run = this.#runs[this.#at(from)];
    const missing = run !== undefined && run[0] <= from ? run[1] : from;
    return missing < this.total ? missing : undefined;
  }

  /** For a small document: magic, number of chunks, number of runs, the runs, CRC-32C. Little endian. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(HEAD + this.#runs.length * RUN + 4);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, this.#runs.length, true);
    view.setBigUint64(8, BigInt(this.total), true);
    this.#runs.forEach(([first, end], i) => {
      view.setBigUint64(HEAD + i * RUN, BigInt(first), true);
      view.setBigUint64(HEAD + i * RUN + 8, BigInt(end), true);
    });
    view.setUint32(bytes.length - 4, crc32c(bytes.subarray(0, bytes.length - 4)), true);
    return bytes;
  }

  /** The map, or undefined where the bytes are damaged or belong to a file of another number of chunks. */
  static fromBytes(bytes: Uint8Array, total: number): ChunkMap | undefined {
    try {
      return decode(new ByteView(bytes, 'chunk map'), total);
    } catch (error) {
      if (hasCode(error, 'NS_BYTES_SHORT') || hasCode(error, 'NS_NUMBER_TOO_LARGE')) return undefined;
      throw error;
    }
  }

  /** Puts a run after all others; false where it does not belong there. */
  appendRun(first: number, end: number): boolean {
    const last = this.#runs.at(-1);
    if (first >= end || end > this.total || (last !== undefined && first <= last[1])) return false;
    this.#runs.push([first, end]);
    this.#count += end - first;
    return true;
  }
}

function decode(view: ByteView, total: number): ChunkMap | undefined {
  const runs = view.u32le(4);
  if (view.u32le(0) !== MAGIC || runs > MAX_RUNS || view.length !== HEAD + runs * RUN + 4) return undefined;
  if (view.u64leNumber(8) !== total) return undefined;
  if (view.u32le(view.length - 4) !== crc32c(view.slice(0, view.length - 4))) return undefined;
  const map = new ChunkMap(total);
  for (let i = 0; i < runs; i += 1) {
    if (!map.appendRun(view.u64leNumber(HEAD + i * RUN), view.u64leNumber(HEAD + i * RUN + 8))) {
      return undefined;
    }
  }
  return map;
}
