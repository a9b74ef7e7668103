import { type Duration, milliseconds } from '../base/index.ts';

/** Chunks that may be under way at once. */
export interface Window {
  readonly initial: number;
  readonly max: number;
}

/** 64 chunks of 64 KiB are 4 MiB: 20 MB/s at a round trip of 200 ms. */
export const DEFAULT_WINDOW: Window = { initial: 8, max: 64 };
/** Whatever the chunk size, no more than this is under way. */
export const WINDOW_BYTES = 4 * 1024 * 1024;

const FLOOR = 4;
const FIRST_TIMEOUT = 3000;
const MIN_TIMEOUT = 400;
const MAX_TIMEOUT = 10_000;
/** A wait this far over the shortest one seen means that chunks queue somewhere: growing further gains nothing. */
const QUEUE_MS = 250;

/**
 * How many chunks to have under way, and how long to wait for one: a time-out that follows the measured wait
 * (RFC 6298), and a window that grows while waits stay short and halves at a loss.
 */
export class Pace {
  readonly #max: number;
  #window: number;
  #threshold: number;
  #smooth: number | undefined;
  #variance = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #backOff = 1;
  #lastLoss = Number.NEGATIVE_INFINITY;

  constructor(chunk: number, window: Window = DEFAULT_WINDOW) {
    this.#max = Math.max(1, Math.min(window.max, Math.floor(WINDOW_BYTES / chunk)));
    this.#window = Math.max(1, Math.min(window.initial, this.#max));
    this.#threshold = this.#max;
  }

  get window(): number {
    return Math.floor(this.#window);
  }

  get timeout(): Duration {
    const base = this.#smooth === undefined ? FIRST_TIMEOUT : this.#smooth + 4 * this.#variance;
    return milliseconds(Math.min(MAX_TIMEOUT, Math.max(MIN_TIMEOUT, base) * this.#backOff));
  }

  /** A chunk arrived. `wait` is left out where it was asked for more than once: nobody knows which ask it answers. */
  arrived(wait: number | undefined): void {
    this.#backOff = 1;
    if (wait === undefined) return;
    this.#shortest = Math.min(this.#shortest, wait);
    if (this.#smooth === undefined) {
      this.#smooth = wait;
      this.#variance = wait / 2;
    } else {
      this.#variance += (Math.abs(wait - this.#smooth) - this.#variance) / 4;
      this.#smooth += (wait - this.#smooth) / 8;
    }
    if (wait > 4 * this.#shortest + 4 * QUEUE_MS) this.#window = Math.max(FLOOR, this.#window - 1);
    else if (wait <= 2 * this.#shortest + QUEUE_MS) {
      this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
    }
    this.#window = Math.min(this.#max, this.#window);
  }

  /** Chunks were lost. Losses within one round trip are one sign, not many. */
  lost(now: number): void {
    if (now - this.#lastLoss < (this.#smooth ?? FIRST_TIMEOUT)) return;
    this.#lastLoss = now;
    this.#threshold = Math.max(Math.min(FLOOR, this.#max), this.#window / 2);
    this.#window = this.#threshold;
  }

  /** Nothing at all came within the time-out. */
  silent(): void {
    this.#backOff = Math.min(this.#backOff * 2, 16);
  }
}
