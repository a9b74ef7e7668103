import { checkBlockRange, equalBytes, KiB, MiB, NsError } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice, EditableVolume, FileContent } from '../ports/index.ts';
import { PlacedContent, type PlacedRun, readContent } from './placed-content.ts';

export interface OverlayOptions {
  /** Bytes per block of the map: a power of two from 512 to 65536. */
  readonly blockSize?: number;
  /** The most changed bytes that are kept in memory. */
  readonly memoryLimit?: number;
  /** Where changed blocks go that find no room in memory. Its contents before and after mean nothing. */
  readonly spill?: BlockDevice | undefined;
  /** Awaited before each read, so that others have their turn: what was changed lies in memory, and no read of it waits. */
  readonly breathe?: (() => Promise<void>) | undefined;
}

/** Neighbouring changed blocks. */
export interface ChangedRun {
  readonly first: number;
  readonly count: number;
}

/** Told which bytes of a content, from one on, belong in a part of a buffer. */
export type TellPlaced = (content: FileContent, from: number, part: Uint8Array) => void;

/** In place of a slot of the spill: the block is all zeros, and kept nowhere. */
const ZEROS = -1;

/** Blocks read from the base at once for one read call. */
const LARGEST_READ = MiB;

/**
 * A writable view of a device that is never written: changed blocks are kept beside it, and of blocks of a content only
 * where in it they lie. Memory is bounded; where there is room neither in memory nor in the spill, a write throws
 * NS_OVERLAY_FULL and `full` stays set.
 */
export class Overlay implements EditableVolume {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly blockSize: number;
  readonly #base: BlockDevice;
  /** Under the blocks that were changed after it. */
  readonly #placed: PlacedContent;
  readonly #memoryBlocks: number;
  readonly #spill: BlockDevice | undefined;
  readonly #breathe: (() => Promise<void>) | undefined;
  /** Where each changed block is: its bytes, or its slot in the spill. */
  readonly #changed = new Map<number, Uint8Array | number>();
  readonly #zeros: Uint8Array;
  #inMemory = 0;
  #inSpill = 0;
  #full = false;
  #frozen = false;
  /** The tail of the writes under way: a partial block is read, changed and kept, which must not interleave. */
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(base: BlockDevice, options: OverlayOptions = {}) {
    this.name = `overlay of ${base.name}`;
    this.blockSize = options.blockSize ?? 4 * KiB;
    this.capabilities = { ...base.capabilities, writable: true, trim: false };
    this.#base = base;
    this.#zeros = new Uint8Array(this.blockSize);
    this.#placed = new PlacedContent(this.blockSize);
    this.#memoryBlocks = Math.floor((options.memoryLimit ?? 8 * MiB) / this.blockSize);
    this.#spill = options.spill;
    this.#breathe = options.breathe;
  }

  /** True once a write found no room. */
  get full(): boolean {
    return this.#full;
  }

  /** The blocks that were written, ascending, whether or not their content differs from the base; no run longer than `most`. */
  *changedRuns(most: number): Generator<ChangedRun> {
    const written = [...this.#changed.keys()].sort((a, b) => a - b);
    const placed = this.#placed.runs;
    let first = 0;
    let end = 0;
    for (let w = 0, p = 0; w < written.length || p < placed.length; ) {
      const block = written[w] ?? Number.POSITIVE_INFINITY;
      const run = placed[p];
      const isWritten = run === undefined || block < run.start;
      const next = isWritten ? { start: block, end: block + 1 } : run;
      if (isWritten) w += 1;
      else p += 1;
      // Written over placed content: its run has it.
      if (next.end <= end) continue;
      if (next.start > end || end === first) {
        if (end > first) yield { first, count: end - first };
        first = next.start;
      }
      end = next.end;
      for (; end - first > most; first += most) yield { first, count: most };
    }
    if (end > first) yield { first, count: end - first };
  }

  /** What `changedRuns` tells of, block by block. */
  changedBlocks(): number[] {
    const blocks: number[] = [];
    for (const { first, count } of this.changedRuns(LARGEST_READ)) {
      for (let i = 0; i < count; i += 1) blocks.push(first + i);
    }
    return blocks;
  }

  /** Content that was placed; blocks written over it afterwards among it. */
  get placedRuns(): readonly PlacedRun[] {
    return this.#placed.runs;
  }

  /** After this the overlay only reads: what was measured is what will be written. */
  async freeze(): Promise<void> {
    this.#frozen = true;
    await this.#lastWrite;
  }

  /** Bytes in this block: fewer than blockSize at the end of a device that is no multiple of it. */
  lengthOf(block: number): number {
    return Math.min(this.blockSize, this.capabilities.size - block * this.blockSize);
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#fill(offset, into, (content, from, part) => readContent(content, from, part, signal), signal);
  }

  /** As `read`; but placed content is not read: `tell` is told which of it belongs in a part of `into`. */
  async readAround(offset: number, into: Uint8Array, tell: TellPlaced, signal?: AbortSignal): Promise<void> {
    await this.#fill(offset, into, tell, signal);
  }

  async #fill(
    offset: number,
    into: Uint8Array,
    placed: (...told: Parameters<TellPlaced>) => void | Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    await this.#breathe?.();
    signal?.throwIfAborted();
    const { blockSize } = this;
    for (let done = 0; done < into.byteLength; ) {
      const at = offset + done;
      const block = Math.floor(at / blockSize);
      const within = at - block * blockSize;
      const part = (blocks: number): Uint8Array =>
        into.subarray(done, Math.min(into.byteLength, done + blocks * blockSize - within));
      const kept = this.#changed.get(block);
      const run = kept === undefined ? this.#placed.at(block) : undefined;
      let filled: Uint8Array;
      if (kept !== undefined) {
        filled = part(1);
        if (typeof kept === 'number') await this.#readSpill(kept, within, filled, signal);
        else filled.set(kept.subarray(within, within + filled.byteLength));
      } else if (run !== undefined) {
        filled = part(this.#unchangedFrom(block, run.end));
        await placed(run.content, run.from + at - run.start * blockSize, filled);
      } else {
        filled = part(this.#unchangedFrom(block, this.#placed.next(block)));
        await this.#base.read(at, filled, signal);
      }
      done += filled.byteLength;
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    signal?.throwIfAborted();
    await this.#inTurn(() => this.#write(offset, data, signal));
  }

  async place(offset: number, length: number, content: FileContent, from: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    const end = offset + length;
    const { blockSize } = this;
    const start = Math.ceil(offset / blockSize);
    const behind = end === this.capabilities.size ? Math.ceil(end / blockSize) : Math.floor(end / blockSize);
    await this.#inTurn(async () => {
      if (behind <= start) return this.#copy(offset, length, content, from);
      this.#placeBlocks({ start, end: behind, content, from: from + start * blockSize - offset });
      await this.#copy(offset, start * blockSize - offset, content, from);
      const tail = Math.max(0, end - behind * blockSize);
      await this.#copy(behind * blockSize, tail, content, from + length - tail);
    });
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#lastWrite;
  }

  async trim(offset: number, length: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  /** Forgets the changes; the base stays open. */
  async close(): Promise<void> {
    await this.freeze();
    this.#changed.clear();
    this.#placed.clear();
  }

  async #inTurn(change: () => Promise<void>): Promise<void> {
    if (this.#frozen) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} is measured and no longer written`, {
        family: 'caller',
      });
    }
    const turn = this.#lastWrite.then(change);
    this.#lastWrite = turn.catch(() => {});
    await turn;
  }

  #placeBlocks(run: PlacedRun): void {
    if (run.end - run.start <= this.#changed.size) {
      for (let block = run.start; block < run.end; block += 1) this.#forget(block);
    } else {
      for (const block of this.#changed.keys())
        if (block >= run.start && block < run.end) this.#forget(block);
    }
    this.#placed.add(run);
  }

  async #copy(offset: number, length: number, content: FileContent, from: number): Promise<void> {
    if (length <= 0) return;
    const bytes = new Uint8Array(length);
    await readContent(content, from, bytes);
    await this.#write(offset, bytes, undefined);
  }

  /** A slot of the spill stays taken. */
  #forget(block: number): void {
    if (typeof this.#changed.get(block) === 'object') this.#inMemory -= 1;
    this.#changed.delete(block);
  }

  async #write(offset: number, data: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    for (let done = 0; done < data.byteLength; ) {
      const at = offset + done;
      const block = Math.floor(at / this.blockSize);
      const within = at - block * this.blockSize;
      const part = data.subarray(done, Math.min(data.byteLength, done + this.blockSize - within));
      await this.#keep(block, within, part, signal);
      done += part.byteLength;
    }
  }

  async #keep(block: number, within: number, part: Uint8Array, signal?: AbortSignal): Promise<void> {
    const kept = this.#changed.get(block);
    if (typeof kept === 'object') {
      kept.set(part, within);
      return;
    }
    if (typeof kept === 'number' && kept !== ZEROS) {
      await this.#spill?.write(kept * this.blockSize + within, part, signal);
      return;
    }
    const whole = new Uint8Array(this.lengthOf(block));
    if (part.byteLength < whole.byteLength && kept !== ZEROS) {
      await this.read(block * this.blockSize, whole, signal);
    }
    whole.set(part, within);
    if (equalBytes(whole, this.#zeros.subarray(0, whole.byteLength))) {
      this.#changed.set(block, ZEROS);
      return;
    }
    if (this.#inMemory < this.#memoryBlocks) {
      this.#inMemory += 1;
      this.#changed.set(block, whole);
      return;
    }
    const slots = Math.floor((this.#spill?.capabilities.size ?? 0) / this.blockSize);
    if (this.#inSpill >= slots) {
      this.#full = true;
      throw new NsError('NS_OVERLAY_FULL', `the change to ${this.#base.name} is larger than can be kept`);
    }
    const slot = this.#inSpill;
    this.#inSpill += 1;
    await this.#spill?.write(slot * this.blockSize, whole, signal);
    this.#changed.set(block, slot);
  }

  async #readSpill(slot: number, within: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (slot === ZEROS) {
      into.fill(0);
      return;
    }
    await this.#spill?.read(slot * this.blockSize + within, into, signal);
  }

  /** How many blocks from this one on were not written, up to a block and a bound. */
  #unchangedFrom(block: number, end: number): number {
    const most = Math.min(Math.max(1, LARGEST_READ / this.blockSize), end - block);
    let count = 1;
    while (count < most && !this.#changed.has(block + count)) count += 1;
    return count;
  }
}
