import type { BlockDevice, FileContent } from '../ports/index.ts';
import type { Overlay } from './overlay.ts';

/** Part of a buffer that would have been filled from a content. */
export interface PlacedPart {
  /** Bytes from the start of the buffer. */
  readonly at: number;
  readonly length: number;
  readonly content: FileContent;
  readonly from: number;
}

/**
 * An overlay as a reader of its filesystem sees it, that can tell of what is read into one buffer where in a content it
 * comes from, instead of reading it: whoever holds the same content needs not compare it with itself.
 */
export class PlacedView {
  readonly device: BlockDevice;
  #watched: ArrayBufferLike | undefined;
  #told: PlacedPart[] = [];

  constructor(overlay: Overlay) {
    this.device = {
      name: overlay.name,
      capabilities: { ...overlay.capabilities, writable: false },
      read: (offset, into, signal) =>
        into.buffer === this.#watched
          ? overlay.readAround(offset, into, (...told) => this.#tell(...told), signal)
          : overlay.read(offset, into, signal),
      write: (offset, data, signal) => overlay.write(offset, data, signal),
      flush: (signal) => overlay.flush(signal),
      trim: async () => {},
      close: async () => {},
    };
  }

  /** Runs a read into this buffer, which nothing else shares; gives the parts of it that were not read, in order. */
  async during(buffer: ArrayBufferLike, read: () => Promise<void>): Promise<readonly PlacedPart[]> {
    this.#watched = buffer;
    this.#told = [];
    try {
      await read();
    } finally {
      this.#watched = undefined;
    }
    return this.#told.sort((a, b) => a.at - b.at);
  }

  #tell(content: FileContent, from: number, part: Uint8Array): void {
    this.#told.push({ at: part.byteOffset, length: part.byteLength, content, from });
  }
}
