import { type Duration, hours, minutes, type NsError, seconds } from '../base/index.ts';

/** How long the operator's side waits. */
export interface OrderTiming {
  /** For `accepted`; after that the device counts as unreachable. */
  readonly accept: Duration;
  /** Without any sign of life from an accepted order. */
  readonly silence: Duration;
  /** In all. */
  readonly total: Duration;
  /** For how long the order is valid on the device. */
  readonly validFor: Duration;
  /**
   * By which clock it is valid: the wall clocks of both sides; or the device's own count since it gave out a nonce, for
   * which it is asked first. "nonce-if-given" goes by the wall clocks where it gives none.
   */
  readonly by: 'wall-clock' | 'nonce' | 'nonce-if-given';
}

export interface OrderOptions {
  readonly signal: AbortSignal;
  readonly timing?: Partial<OrderTiming>;
  /** The effect hash that was approved after a dry run. */
  readonly effect?: Uint8Array;
  /** Stay until a staged order has ended; else that it is staged is its outcome. */
  readonly untilEnded?: boolean;
  /** Told why an order goes by the wall clocks all the same. */
  readonly onNoNonce?: (error: NsError) => void;
}

export const DEFAULT_TIMING: OrderTiming = {
  accept: seconds(20),
  silence: seconds(120),
  total: hours(24),
  validFor: minutes(10),
  by: 'wall-clock',
};

/** The same packet is sent again after this much silence, and after twice as much each time that follows. */
export const FIRST_RESEND: Duration = seconds(3);
export const LAST_RESEND: Duration = seconds(20);
