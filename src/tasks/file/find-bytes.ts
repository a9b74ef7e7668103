import { concatBytes } from '../../base/index.ts';

const bufferOver = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Looks for bytes in a stream that comes in chunks, and finds them where they lie across chunks too. */
export class ByteSearch {
  readonly #wanted: Uint8Array;
  /** The end of what has come, one byte shorter than what is looked for: what may begin there is not decided. */
  #tail: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(wanted: Uint8Array) {
    this.#wanted = wanted;
  }

  /** Takes the next chunk; where the first occurrence begins, in bytes of the stream, once all of it has come. */
  take(chunk: Uint8Array): number | undefined {
    const start = this.#taken;
    this.#taken += chunk.byteLength;
    const overlap = this.#wanted.byteLength - 1;
    if (this.#tail.byteLength > 0) {
      const border = concatBytes(this.#tail, chunk.subarray(0, overlap));
      const at = bufferOver(border).indexOf(this.#wanted);
      if (at >= 0) return start - this.#tail.byteLength + at;
    }
    const at = bufferOver(chunk).indexOf(this.#wanted);
    if (at >= 0) return start + at;
    if (overlap > 0) {
      this.#tail =
        chunk.byteLength >= overlap
          ? chunk.slice(chunk.byteLength - overlap)
          : lastOf(concatBytes(this.#tail, chunk), overlap);
    }
    return undefined;
  }
}

function lastOf(bytes: Uint8Array, count: number): Uint8Array {
  return bytes.subarray(Math.max(0, bytes.byteLength - count));
}
