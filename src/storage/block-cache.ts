import type { BlockDevice } from '../ports/index.ts';

/** Blocks of metadata, least recently used first out. Never holds more than `maxBytes`. */
export class BlockCache {
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #maxBlocks: number;
  readonly #together: number;
  readonly #blocks = new Map<number, Uint8Array>();

  /** `together`: so many neighbours come with a block that is not known, in one read, where they can be had. */
  constructor(device: BlockDevice, blockSize: number, maxBytes: number, together = 1) {
    this.#device = device;
    this.#blockSize = blockSize;
    this.#maxBlocks = Math.max(8, Math.floor(maxBytes / blockSize));
    this.#together = Math.min(together, this.#maxBlocks);
  }

  /** The caller has checked that the block begins on the device, and does not change the bytes. The last may be shorter. */
  async read(block: number, signal?: AbortSignal): Promise<Uint8Array> {
    const known = this.#blocks.get(block);
    if (known !== undefined) {
      this.#blocks.delete(block);
      this.#blocks.set(block, known);
      return known;
    }
    return (await this.#readTogether(block, signal)) ?? (await this.#readAlone(block, signal));
  }

  async #readAlone(block: number, signal?: AbortSignal): Promise<Uint8Array> {
    const at = block * this.#blockSize;
    const bytes = new Uint8Array(Math.min(this.#blockSize, this.#device.capabilities.size - at));
    await this.#device.read(at, bytes, signal);
    this.#keep(block, bytes);
    return bytes;
  }

  /** Undefined where they cannot be read all: one of them may be bad, and not the one that is asked for. */
  async #readTogether(block: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const first = Math.floor(block / this.#together) * this.#together;
    const at = first * this.#blockSize;
    const length = this.#together * this.#blockSize;
    if (this.#together === 1 || at + length > this.#device.capabilities.size) return undefined;
    const bytes = new Uint8Array(length);
    try {
      await this.#device.read(at, bytes, signal);
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
    for (let i = 0; i < this.#together; i += 1) {
      // Copies, so that a block that stays does not hold the memory of those that do not.
      const one = bytes.slice(i * this.#blockSize, (i + 1) * this.#blockSize);
      if (first + i !== block && !this.#blocks.has(first + i)) this.#keep(first + i, one);
    }
    const wanted = bytes.slice((block - first) * this.#blockSize, (block - first + 1) * this.#blockSize);
    this.#keep(block, wanted);
    return wanted;
  }

  #keep(block: number, bytes: Uint8Array): void {
    if (this.#blocks.size >= this.#maxBlocks) {
      const oldest = this.#blocks.keys().next();
      if (oldest.done !== true) this.#blocks.delete(oldest.value);
    }
    this.#blocks.set(block, bytes);
  }
}
