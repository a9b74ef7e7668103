import { NsError } from '../base/index.ts';
import type { OrderOutcome } from './outcome.ts';

/** The longest age that an order may set for its nonce. */
const LONGEST_AGE = 86_400;

/** A nonce that a device has given out, and for how many seconds after that an order is to be good. */
export interface Bound {
  readonly nonce: Uint8Array;
  readonly maxAge: number;
}

/** How an order is bound to a nonce for so many milliseconds. */
export function boundFor(nonce: Uint8Array, validFor: number): Bound {
  return { nonce, maxAge: Math.min(LONGEST_AGE, Math.max(1, Math.round(validFor / 1000))) };
}

/** The nonce in what a device answered to machine.status, be it a refusal; or why there is none. */
export function nonceIn(
  outcome: OrderOutcome<'machine.status'>,
): { readonly nonce: Uint8Array } | { readonly why: string } {
  switch (outcome.is) {
    case 'receipt': {
      const nonce = outcome.result?.clock?.nonce;
      return nonce === undefined
        ? { why: outcome.receipt.refusal?.sentence ?? 'it gives out none' }
        : { nonce };
    }
    case 'rejected':
      return outcome.nonce === undefined ? { why: outcome.refusal.sentence } : { nonce: outcome.nonce };
    case 'unreachable':
    case 'no-answer':
      return { why: 'it does not answer' };
    case 'conflict':
    case 'staged':
      return { why: 'it answers to another order' };
  }
}

export function noNonce(device: string, why: string): NsError {
  return new NsError('NS_NO_NONCE', `${device} gave no nonce to bind the order to: ${why}`, {
    family: 'peer',
    retryable: true,
  });
}
