import { bytes, checkBlockRange } from '../../src/base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../../src/ports/index.ts';

const PAGE = 4096;

/** A disk that begins as another's image and keeps, page by page, only what was written to it: a thousand take the room of one. */
export class SharedDisk implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly #image: Uint8Array;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(name: string, image: Uint8Array) {
    this.name = name;
    this.#image = image;
    this.capabilities = {
      size: bytes(image.byteLength),
      sectorSize: bytes(512),
      writable: true,
      trim: false,
    };
  }

  /** Whether any byte is another than in the image. */
  get changed(): boolean {
    for (const [page, content] of this.#pages) {
      const at = page * PAGE;
      if (Buffer.compare(content, this.#image.subarray(at, at + content.byteLength)) !== 0) return true;
    }
    return false;
  }

  /** As it began. */
  restore(): void {
    this.#pages.clear();
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    into.set(this.#image.subarray(offset, offset + into.byteLength));
    if (this.#pages.size === 0) return;
    for (let page = Math.floor(offset / PAGE); page * PAGE < offset + into.byteLength; page += 1) {
      const content = this.#pages.get(page);
      if (content === undefined) continue;
      const from = Math.max(offset, page * PAGE);
      const to = Math.min(offset + into.byteLength, page * PAGE + content.byteLength);
      into.set(content.subarray(from - page * PAGE, to - page * PAGE), from - offset);
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    signal?.throwIfAborted();
    for (let done = 0; done < data.byteLength; ) {
      const page = Math.floor((offset + done) / PAGE);
      const within = offset + done - page * PAGE;
      const content = this.#pages.get(page) ?? this.#image.slice(page * PAGE, (page + 1) * PAGE);
      const piece = data.subarray(done, done + content.byteLength - within);
      content.set(piece, within);
      this.#pages.set(page, content);
      done += piece.byteLength;
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
  }

  async trim(offset: number, length: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  async close(): Promise<void> {}
}
