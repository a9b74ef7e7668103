import { KiB } from '../../base/index.ts';
import type { NtfsStream } from './stream.ts';

const CHUNK = 64 * KiB;

/** Which clusters of a stretch of the volume belong to something; one bit each. */
export class ClusterMap {
  readonly #start: number;
  readonly #count: number;
  readonly #bits: Uint8Array;

  /** `start` is a multiple of 8. */
  constructor(start: number, count: number) {
    this.#start = start;
    this.#count = count;
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** Clusters outside the stretch are passed over. Gives one that was marked before, undefined where none was. */
  mark(first: number, count: number): number | undefined {
    const from = Math.max(0, first - this.#start);
    const to = Math.min(this.#count, first + count - this.#start);
    for (let at = from; at < to; ) {
      const byte = at >> 3;
      const whole = (at & 7) === 0 && at + 8 <= to;
      const mask = whole ? 0xff : 1 << (at & 7);
      if ((this.#bits[byte]! & mask) !== 0) {
        if (!whole) return this.#start + at;
        for (let bit = 0; bit < 8; bit += 1)
          if ((this.#bits[byte]! & (1 << bit)) !== 0) return this.#start + at + bit;
      }
      this.#bits[byte]! |= mask;
      at += whole ? 8 : 1;
    }
    return undefined;
  }

  /** The first cluster of which the volume's own bitmap says something else; `used` as it was marked. */
  async differsFrom(
    bitmap: NtfsStream,
    signal: AbortSignal,
  ): Promise<{ readonly cluster: number; readonly used: boolean } | undefined> {
    for (let at = 0; at < this.#bits.byteLength; at += CHUNK) {
      const own = this.#bits.subarray(at, at + CHUNK);
      const said = new Uint8Array(own.byteLength);
      await bitmap.read(this.#start / 8 + at, said, signal);
      for (let i = 0; i < own.byteLength; i += 1) {
        const difference = own[i]! ^ said[i]!;
        if (difference === 0) continue;
        for (let bit = 0; bit < 8; bit += 1) {
          const place = (at + i) * 8 + bit;
          if ((difference & (1 << bit)) === 0 || place >= this.#count) continue;
          return { cluster: this.#start + place, used: (own[i]! & (1 << bit)) !== 0 };
        }
      }
    }
    return undefined;
  }
}
