const WIDTH = 32;

/**
 * The session sequence numbers that a peer has used: each is taken once, and none that lies further back than the window
 * (IPMI 2.0, 6.12.13). The first number taken may be any but 0.
 */
export class SequenceWindow {
  #highest: number | undefined;
  /** Bit n: the number n below the highest was seen. */
  #seen = 0;

  /** True where the number is new and near; it counts as used from then on. */
  take(sequence: number): boolean {
    if (sequence === 0) return false;
    if (this.#highest === undefined) {
      this.#highest = sequence;
      this.#seen = 1;
      return true;
    }
    const ahead = (sequence - this.#highest) | 0;
    if (ahead > WIDTH || ahead <= -WIDTH) return false;
    if (ahead > 0) {
      this.#seen = ahead >= WIDTH ? 1 : ((this.#seen << ahead) | 1) >>> 0;
      this.#highest = sequence;
      return true;
    }
    const bit = (1 << -ahead) >>> 0;
    if ((this.#seen & bit) !== 0) return false;
    this.#seen = (this.#seen | bit) >>> 0;
    return true;
  }
}

/** The number after this one: never 0. */
export const nextSequence = (sequence: number): number => (sequence >= 0xffff_ffff ? 1 : sequence + 1);
