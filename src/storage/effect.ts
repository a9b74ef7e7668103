import { createHash } from 'node:crypto';
import { equalBytes, MiB, toHex, utf8 } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import type { IsFree } from './free-blocks.ts';
import type { Overlay } from './overlay.ts';
import { sha256 } from './sha256.ts';

/** Neighbouring changed blocks; offset and length in bytes from the start of the volume. */
export interface EffectRun {
  readonly offset: number;
  readonly length: number;
  /** The volume as it is does not use these blocks. */
  readonly free: boolean;
  /** SHA-256 of the new content. */
  readonly digest: Uint8Array;
}

/** The exact set of block changes that a write would make. */
export interface Effect {
  readonly blockSize: number;
  /** Ascending, apart from each other, none longer than 1 MiB. */
  readonly runs: readonly EffectRun[];
  readonly blocks: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal; see `measureEffect`. */
  readonly hash: string;
  /** SHA-256, hexadecimal, made in the same way over what those of the blocks held before that were in use. */
  readonly before: string;
  /** The new content of a stretch of the volume. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
}

export const LONGEST_RUN = MiB;
const HASH_PREFIX = utf8('nightshift effect 2\0');
const BEFORE_PREFIX = utf8('nightshift before 2\0');

/**
 * Measures the effect of an overlay on its base and freezes it. A block that was written back unchanged is no part of it,
 * unless it was free before: what lies in free space is nobody's content, and a change that is cut off and made again
 * must have the same effect although its content lies there already. For the same reason what free blocks held before
 * is not asked.
 *
 * Its runs are neighbouring blocks of the effect that are alike in being free before or in use, as long as they come up to
 * 1 MiB. The effect hash is the SHA-256 over: the 20 bytes "nightshift effect 2\0"; the block size (u32); for each run
 * in ascending order its byte offset on the volume (u64), its length (u32) and the SHA-256 of its new content; the number
 * of changed blocks (u64). Integers are little endian. The hash of what was before begins with "nightshift before 2\0"
 * and has, of the runs in use alone, the content before; at its end stands the number of their blocks.
 */
export async function measureEffect(
  overlay: Overlay,
  base: BlockDevice,
  isFree: IsFree | undefined,
  signal?: AbortSignal,
): Promise<Effect> {
  await overlay.freeze();
  const { blockSize } = overlay;
  const measuring = new Measuring(overlay, base, signal);
  for (const { first, count } of overlay.changedRuns(LONGEST_RUN / blockSize)) {
    const start = first * blockSize;
    const end = (first + count - 1) * blockSize + overlay.lengthOf(first + count - 1);
    for await (const part of alike(start, end, blockSize, isFree)) {
      if (part.free) await measuring.addFree(part.start, part.end);
      else await measuring.addUsed(part.start, part.end);
    }
  }
  return measuring.end();
}

/** Blocks next to each other, all free before or all in use. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly free: boolean;
}

async function* alike(
  start: number,
  end: number,
  blockSize: number,
  isFree: IsFree | undefined,
): AsyncGenerator<Part> {
  if (isFree === undefined) yield { start, end, free: false };
  else if (await isFree(start, end - start)) yield { start, end, free: true };
  else {
    let part: Part | undefined;
    for (let at = start; at < end; at += blockSize) {
      const next = Math.min(end, at + blockSize);
      const free = await isFree(at, next - at);
      if (part !== undefined && part.free !== free) yield part;
      part = part?.free === free ? { ...part, end: next } : { start: at, end: next, free };
    }
    if (part !== undefined) yield part;
  }
}

/** A run being put together, and after that hashed. */
interface Slot {
  readonly content: Uint8Array;
  hashed: Promise<void>;
}

/** Runs that are hashed while the next one is read. */
const SLOTS = 3;

class Measuring {
  readonly #overlay: Overlay;
  readonly #base: BlockDevice;
  readonly #signal: AbortSignal | undefined;
  readonly #slots: readonly Slot[];
  readonly #before = createHash('sha256');
  /** What was there before the run that is being put together, where it was in use. */
  readonly #former = new Uint8Array(LONGEST_RUN);
  readonly #scratch = { now: new Uint8Array(0), before: new Uint8Array(0) };
  readonly #runs: { offset: number; length: number; free: boolean; digest: Uint8Array }[] = [];
  #open: { readonly offset: number; length: number; readonly free: boolean } | undefined;
  #blocks = 0;
  #usedBlocks = 0;

  constructor(overlay: Overlay, base: BlockDevice, signal: AbortSignal | undefined) {
    this.#overlay = overlay;
    this.#base = base;
    this.#signal = signal;
    this.#slots = Array.from({ length: SLOTS }, () => ({
      content: new Uint8Array(LONGEST_RUN),
      hashed: Promise.resolve(),
    }));
    this.#before.update(BEFORE_PREFIX).update(numbers([4, overlay.blockSize]));
  }

  async addFree(start: number, end: number): Promise<void> {
    for (let at = start; at < end; ) {
      const into = (await this.#room(at, true)).subarray(0, end - at);
      await this.#overlay.read(at, into, this.#signal);
      this.#took(into.byteLength);
      at += into.byteLength;
    }
  }

  /** Blocks in use, at most a run of them: those that change. */
  async addUsed(start: number, end: number): Promise<void> {
    const size = end - start;
    for (const which of ['now', 'before'] as const) {
      if (this.#scratch[which].byteLength < size) this.#scratch[which] = new Uint8Array(LONGEST_RUN);
    }
    const now = this.#scratch.now.subarray(0, size);
    const before = this.#scratch.before.subarray(0, size);
    await this.#overlay.read(start, now, this.#signal);
    await this.#base.read(start, before, this.#signal);
    for (let at = 0; at < size; at += this.#overlay.blockSize) {
      const content = now.subarray(at, at + this.#overlay.blockSize);
      const former = before.subarray(at, at + this.#overlay.blockSize);
      if (equalBytes(content, former)) continue;
      const room = await this.#room(start + at, false);
      room.set(content);
      this.#former.set(former, this.#open?.length);
      this.#took(content.byteLength);
    }
  }

  async end(): Promise<Effect> {
    await this.#close();
    await Promise.all(this.#slots.map(({ hashed }) => hashed));
    const { blockSize } = this.#overlay;
    const hash = createHash('sha256')
      .update(HASH_PREFIX)
      .update(numbers([4, blockSize]));
    for (const { offset, length, digest } of this.#runs) {
      hash.update(numbers([8, offset], [4, length])).update(digest);
    }
    return {
      blockSize,
      runs: this.#runs,
      blocks: this.#blocks,
      bytes: this.#runs.reduce((sum, { length }) => sum + length, 0),
      hash: toHex(hash.update(numbers([8, this.#blocks])).digest()),
      before: toHex(this.#before.update(numbers([8, this.#usedBlocks])).digest()),
      read: (offset, into, signal) => this.#overlay.read(offset, into, signal),
    };
  }

  /** Where the next content goes, in the run that is open or in a new one. */
  async #room(offset: number, free: boolean): Promise<Uint8Array> {
    const open = this.#open;
    const goesOn =
      open !== undefined &&
      open.free === free &&
      open.offset + open.length === offset &&
      open.length < LONGEST_RUN;
    if (!goesOn) {
      await this.#close();
      this.#open = { offset, length: 0, free };
    }
    return this.#slot.content.subarray(goesOn ? open.length : 0);
  }

  #took(length: number): void {
    if (this.#open !== undefined) this.#open.length += length;
  }

  get #slot(): Slot {
    return this.#slots[this.#runs.length % SLOTS]!;
  }

  async #close(): Promise<void> {
    const open = this.#open;
    if (open === undefined || open.length === 0) return;
    this.#open = undefined;
    const { offset, length, free } = open;
    const blocks = Math.ceil(length / this.#overlay.blockSize);
    this.#blocks += blocks;
    if (!free) {
      this.#usedBlocks += blocks;
      this.#before
        .update(numbers([8, offset], [4, length]))
        .update(await sha256(this.#former.subarray(0, length)));
    }
    const run = { offset, length, free, digest: new Uint8Array(0) as Uint8Array };
    const slot = this.#slot;
    slot.hashed = sha256(slot.content.subarray(0, length)).then((digest) => {
      run.digest = digest;
    });
    this.#runs.push(run);
    // The next content goes where that of a run some time ago is.
    await this.#slot.hashed;
  }
}

/** Little-endian unsigned integers of 4 or 8 bytes, one after another. */
function numbers(...fields: readonly (readonly [4 | 8, number])[]): Uint8Array {
  const size = fields.reduce((sum, [width]) => sum + width, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}
