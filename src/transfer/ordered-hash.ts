import { createHash } from 'node:crypto';
import { chunkLength } from './chunk-map.ts';

/** Hashes chunks in order, however they arrive: what comes in order from memory, the rest read back later. */
export class OrderedHash {
  readonly #hash = createHash('sha256');
  readonly #size: number;
  readonly #chunk: number;
  #next = 0;

  constructor(size: number, chunk: number) {
    this.#size = size;
    this.#chunk = chunk;
  }

  /** The lowest chunk that is not hashed. */
  get next(): number {
    return this.#next;
  }

  /** Takes the chunk where it is the next one. */
  offer(index: number, data: Uint8Array): void {
    if (index !== this.#next) return;
    this.#hash.update(data);
    this.#next += 1;
  }

  /** Reads and takes the next chunk. */
  async readNext(
    read: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const data = new Uint8Array(chunkLength(this.#next, this.#size, this.#chunk));
    await read(this.#next * this.#chunk, data, signal);
    this.offer(this.#next, data);
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}
