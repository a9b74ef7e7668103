import { type Duration, hours, minutes, type NsError, seconds } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import type { Order, Verb } from '../protocol/index.ts';

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
  /** W3C traceparent that the order carries, and the device says again. Devices older than it refuse the order. */
  readonly trace?: string;
  /** Stay until a staged order has ended; else that it is staged is its outcome. */
  readonly untilEnded?: boolean;
  /** Who sign it too, and what gives its token, in the place of those of the whole fleet. */
  readonly cosigners?: readonly KeyStore[];
  readonly tokens?: (order: Order) => Promise<Uint8Array | undefined>;
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

/**
 * Orders that change who rules a machine are bound to a nonce of the device where it gives one: they are worth nothing
 * later, whatever its clock is set to.
 */
export function timingOf(verb: Verb): Partial<OrderTiming> {
  if (verb === 'clock.set') return { by: 'nonce' };
  return RULING.includes(verb) ? { by: 'nonce-if-given' } : {};
}

const RULING: readonly Verb[] = ['machine.enable', 'keyring.update', 'budget.update'];

/** The same packet is sent again after this much silence, and after twice as much each time that follows. */
export const FIRST_RESEND: Duration = seconds(3);
export const LAST_RESEND: Duration = seconds(20);
