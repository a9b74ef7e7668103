import type { Entropy } from '../../ports/index.ts';

/** Randomness that repeats: the same seed gives the same bytes. Never for keys. (Marsaglia's xorshift128.) */
export class SeededEntropy implements Entropy {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    // SplitMix32 spreads the seed, so that near seeds give unlike streams and no state is all zero.
    let mix = seed >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mix = (mix + 0x9e3779b9) >>> 0;
      let z = mix;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return ((z ^ (z >>> 16)) >>> 0) | 1;
    });
  }

  /** Evenly spread over 0 to 2^32-1. */
  word(): number {
    const s = this.#state;
    let x = s[3]!;
    const first = s[0]!;
    s[3] = s[2]!;
    s[2] = s[1]!;
    s[1] = first;
    x ^= x << 11;
    x ^= x >>> 8;
    s[0] = x ^ first ^ (first >>> 19);
    return s[0]!;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i += 1) bytes[i] = this.word() >>> 24;
    return bytes;
  }
}
