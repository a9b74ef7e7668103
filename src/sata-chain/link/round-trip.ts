import { microseconds, millis, type Nanoseconds, nanoseconds } from '../time.ts';

const LEAST_RETRY = millis(5);
/** Tries within the patience, at least: the line is ours alone, so that nobody gains by longer waits. */
const TRIES = 24;
const MOST_BACKOFF = 8;

/** How long an answer takes, learned from those that came (RFC 6298), and how long to wait for the next. */
export class RoundTrip {
  readonly #idle: Nanoseconds;
  readonly #most: number;
  #smooth: number | undefined;
  #spread = 0;
  #backoff = 1;

  /** `idle` is what the link says of itself; after `patience` all is given up. */
  constructor(idle: Nanoseconds, patience: Nanoseconds) {
    this.#idle = idle;
    this.#most = Math.max(LEAST_RETRY, 2 * idle, patience / TRIES);
  }

  get retryAfter(): Nanoseconds {
    const usual = this.#smooth === undefined ? 4 * this.#idle : this.#smooth + 4 * this.#spread;
    const least = Math.max(LEAST_RETRY, 2 * this.#idle);
    return nanoseconds(Math.ceil(Math.min(this.#most, Math.max(least, usual) * this.#backoff)));
  }

  /** An acknowledgement waits so long for data to ride on. */
  get acknowledgeAfter(): Nanoseconds {
    return nanoseconds(Math.max(microseconds(200), this.#idle / 4));
  }

  /** An answer came, after this long where that is certain. */
  heard(sample: Nanoseconds | undefined): void {
    this.#backoff = 1;
    if (sample === undefined) return;
    if (this.#smooth === undefined) {
      this.#smooth = sample;
      this.#spread = sample / 2;
    } else {
      this.#spread += (Math.abs(sample - this.#smooth) - this.#spread) / 4;
      this.#smooth += (sample - this.#smooth) / 8;
    }
  }

  missed(): void {
    this.#backoff = Math.min(MOST_BACKOFF, this.#backoff * 2);
  }
}
