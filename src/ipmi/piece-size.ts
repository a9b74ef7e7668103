import { IpmiCompletion } from './faults.ts';

/** What BMCs answer to a piece that is too large: one of these, not always the one of the specification. */
const TOO_MUCH: ReadonlySet<number> = new Set([0xc7, 0xc8, 0xca, 0xff]);

export const isTooMuch = (error: unknown): boolean =>
  error instanceof IpmiCompletion && TOO_MUCH.has(error.completion);

const FIRST = 32;
const LEAST = 4;

/** How many bytes a BMC gives or takes at once: found by trying, and then kept. */
export class PieceSize {
  #most: number;

  constructor(first = FIRST) {
    this.#most = first;
  }

  upTo(wanted: number): number {
    return Math.min(this.#most, wanted);
  }

  /** After a piece of this size was too much. False where it does not get smaller. */
  shrink(tried: number): boolean {
    if (tried <= LEAST) return false;
    this.#most = Math.max(LEAST, Math.floor(tried / 2) & ~1);
    return true;
  }
}
