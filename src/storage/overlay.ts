import { checkBlockRange, KiB, MiB, NsError } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../ports/index.ts';

export interface OverlayOptions {
  /** Bytes per block of the map: a power of two from 512 to 65536. */
  readonly blockSize?: number;
  /** The most changed bytes that are kept in memory. */
  readonly memoryLimit?: number;
  /** Where changed blocks go that find no room in memory. Its contents before and after mean nothing. */
  readonly spill?: BlockDevice | undefined;
}

/** Blocks read from the base at once for one read call. */
const LARGEST_READ = MiB;

/**
 * A writable view of a device that is never written: changed blocks are kept beside it. Memory is bounded; where
 * there is room neither in memory nor in the spill, a write throws NS_OVERLAY_FULL and `full` stays set.
 */
export class Overlay implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly blockSize: number;
  readonly #base: BlockDevice;
  readonly #memoryBlocks: number;
  readonly #spill: BlockDevice | undefined;
  /** Where each changed block is: its bytes, or its slot in the spill. */
  readonly #changed = new Map<number, Uint8Array | number>();
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
    this.#memoryBlocks = Math.floor((options.memoryLimit ?? 8 * MiB) / this.blockSize);
    this.#spill = options.spill;
  }

  /** True once a write found no room. */
  get full(): boolean {
    return this.#full;
  }

  /** Indexes of the blocks that were written, ascending, whether or not their content differs from the base. */
  changedBlocks(): number[] {
    return [...this.#changed.keys()].sort((a, b) => a - b);
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
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    for (let done = 0; done < into.byteLength; ) {
      const at = offset + done;
      const block = Math.floor(at / this.blockSize);
      const within = at - block * this.blockSize;
      const kept = this.#changed.get(block);
      if (kept === undefined) {
        const length = this.#unchangedFrom(block) * this.blockSize - within;
        const part = into.subarray(done, Math.min(into.byteLength, done + length));
        await this.#base.read(at, part, signal);
        done += part.byteLength;
        continue;
      }
      const part = into.subarray(done, Math.min(into.byteLength, done + this.blockSize - within));
      if (typeof kept === 'number') await this.#readSpill(kept, within, part, signal);
      else part.set(kept.subarray(within, within + part.byteLength));
      done += part.byteLength;
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    signal?.throwIfAborted();
    if (this.#frozen) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} is measured and no longer written`, {
        family: 'caller',
      });
    }
    const turn = this.#lastWrite.then(() => this.#write(offset, data, signal));
    this.#lastWrite = turn.catch(() => {});
    await turn;
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
    if (typeof kept === 'number') {
      await this.#spill?.write(kept * this.blockSize + within, part, signal);
      return;
    }
    const whole = new Uint8Array(this.lengthOf(block));
    if (part.byteLength < whole.byteLength) {
      await this.#base.read(block * this.blockSize, whole, signal);
    }
    whole.set(part, within);
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
    await this.#spill?.read(slot * this.blockSize + within, into, signal);
  }

  /** How many blocks from this one on are as in the base, up to a bound. */
  #unchangedFrom(block: number): number {
    const most = Math.max(1, LARGEST_READ / this.blockSize);
    let count = 1;
    while (count < most && !this.#changed.has(block + count)) count += 1;
    return count;
  }
}
