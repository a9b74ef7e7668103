import type { Duration } from '../base/index.ts';

/** A timer of the board that resets it unless it is told, again and again, that all is well. */
export interface Watchdog {
  /** After so long without a word it resets the board. */
  readonly timeout: Duration;
  /** All is well. Throws where it cannot be told, and then it will bite. */
  pet(): Promise<void>;
  /** Disarms it: an orderly stop. Where it cannot be disarmed it bites. */
  close(): Promise<void>;
}
