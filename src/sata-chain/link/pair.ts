/**
 * Two ends find out which incarnation of each other they talk to. Every message names its sender's and the receiver's as
 * the sender knows it. Joined means: the other end has heard our present one. Whoever loses the other takes a new one,
 * so that a pair of incarnations never comes back.
 */
export class Pair {
  readonly #next: () => number;
  #mine: number;
  #peer = 0;
  #candidate = 0;

  /** `next` gives a number from 1 to 2^32-1 that was not used lately. */
  constructor(next: () => number) {
    this.#next = next;
    this.#mine = next();
  }

  get mine(): number {
    return this.#mine;
  }

  get joined(): boolean {
    return this.#peer !== 0;
  }

  /** Whom to address; 0 where nobody was heard. */
  get to(): number {
    return this.#peer === 0 ? this.#candidate : this.#peer;
  }

  /**
   * What a message's head says. `ours`: within the pair. `joined`: the pair begins with it. `answer`: its sender does not
   * know us yet. `lost`: the other end has begun anew, and so have we; answer. `ignored`: our own, or nobody's.
   */
  hear(from: number, to: number): 'ours' | 'joined' | 'answer' | 'lost' | 'ignored' {
    if (from === 0 || from === this.#mine) return 'ignored';
    if (this.#peer === 0) {
      if (to === this.#mine) {
        this.#peer = from;
        return 'joined';
      }
      this.#candidate = from;
      return 'answer';
    }
    if (from === this.#peer && to === this.#mine) return 'ours';
    this.renew();
    this.#candidate = from;
    return 'lost';
  }

  renew(): void {
    this.#mine = this.#next();
    this.#peer = 0;
    this.#candidate = 0;
  }
}
