import { type Duration, milliseconds } from '../base/index.ts';

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** So many at once, so many a second after that. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: Duration | undefined;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** True where one may pass now. */
  take(now: Duration): boolean {
    return this.reserve(now, milliseconds(0)) === 0;
  }

  /** How long the next one has to wait: that much is then reserved for it. Undefined where that is past `longest`. */
  reserve(now: Duration, longest: Duration): Duration | undefined {
    const passed = this.#at === undefined ? 0 : Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (passed * this.#rate.perSecond) / 1000);
    const wait = Math.max(0, ((1 - this.#tokens) * 1000) / this.#rate.perSecond);
    if (wait > longest) return undefined;
    this.#tokens -= 1;
    return milliseconds(wait);
  }
}
