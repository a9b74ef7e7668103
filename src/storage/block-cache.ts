import type { BlockDevice } from '../ports/index.ts';

/** Blocks of metadata, least recently used first out. Never holds more than `maxBytes`. */
export class BlockCache {
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #maxBlocks: number;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(device: BlockDevice, blockSize: number, maxBytes: number) {
    this.#device = device;
    this.#blockSize = blockSize;
    this.#maxBlocks = Math.max(8, Math.floor(maxBytes / blockSize));
  }

  /** The caller has checked that the block begins on the device, and does not change the bytes. The last may be shorter. */
  async read(block: number, signal?: AbortSignal): Promise<Uint8Array> {
    const known = this.#blocks.get(block);
    if (known !== undefined) {
      this.#blocks.delete(block);
      this.#blocks.set(block, known);
      return known;
    }
    const at = block * this.#blockSize;
    const bytes = new Uint8Array(Math.min(this.#blockSize, this.#device.capabilities.size - at));
    await this.#device.read(at, bytes, signal);
    if (this.#blocks.size >= this.#maxBlocks) {
      const oldest = this.#blocks.keys().next();
      if (oldest.done !== true) this.#blocks.delete(oldest.value);
    }
    this.#blocks.set(block, bytes);
    return bytes;
  }
}
