import type { Duration } from '../base/index.ts';

/** Time. Nobody outside adapters/ asks the operating system for it. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back, never jumps. */
  monotonic(): Duration;
  /** The wall clock, whole seconds since 1970-01-01 UTC. May be wrong, and may go back: never the only ground of a decision. */
  wallSeconds(): number;
  /** Ends after the duration; rejects with the signal's reason where that comes first. */
  sleep(duration: Duration, signal: AbortSignal): Promise<void>;
  /** A signal that aborts after the duration with an NsError NS_DEADLINE naming `what`. Release it to stop the timer. */
  deadline(duration: Duration, what: string): Deadline;
  /** Calls back once after the duration, unless stopped: for what waits so often that a signal and a promise each time would count. */
  after(duration: Duration, done: () => void): Stop;
  /** Calls back again and again until stopped. */
  every(interval: Duration, tick: () => void): Stop;
}

export interface Deadline {
  readonly signal: AbortSignal;
  release(): void;
}

export type Stop = () => void;

/** Randomness for ids, nonces and jitter. */
export interface Entropy {
  randomBytes(count: number): Uint8Array;
  /** Evenly spread in [0, 1). */
  fraction(): number;
}
