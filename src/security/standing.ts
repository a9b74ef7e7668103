import { allow, refuse, toHex, type Verdict } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { authorise, type Door, needsTwoPeople, signedTwice } from './authority.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { mayWithin, type ScopeFacts } from './scope.ts';

export interface StandingFacts extends ScopeFacts {
  /** Seconds since 1970 that have surely passed, or the wall clock, whichever is later. */
  readonly now: number;
}

/** Whether the grants of all who signed still hold and each covers the order. KEY_EXPIRED or OUT_OF_SCOPE. */
export function withinGrants(
  signers: readonly Enrolled[],
  order: Pick<Order, 'verb' | 'args'>,
  facts: StandingFacts,
): Verdict<void> {
  for (const { name, scopes, notAfter } of signers) {
    if (notAfter !== undefined && facts.now >= notAfter) {
      return refuse('KEY_EXPIRED', `The grant of ${name} ended ${facts.now - notAfter} s ago.`);
    }
    const covered = mayWithin(scopes, order, facts);
    if (!covered.ok) return covered;
  }
  return allow(undefined);
}

/**
 * Whether an order that was taken earlier may begin now: by the keyring of now, all who signed are still known, each
 * role may still give it, they are still as many people, and the grants cover it. KEY_UNKNOWN, NOT_PERMITTED,
 * NEEDS_TWO_PEOPLE, KEY_EXPIRED, OUT_OF_SCOPE.
 */
export function stillStands(
  keyring: Keyring,
  keyIds: readonly Uint8Array[],
  order: Pick<Order, 'verb' | 'args'>,
  facts: StandingFacts & { readonly via: Door },
): Verdict<void> {
  const signers: Enrolled[] = [];
  for (const keyId of keyIds) {
    const signer = keyring.lookup(keyId);
    if (signer === undefined) {
      return refuse('KEY_UNKNOWN', `The key ${toHex(keyId)} is no longer enrolled.`);
    }
    const permitted = authorise(signer.role, order, facts);
    if (!permitted.ok) return permitted;
    signers.push(signer);
  }
  if (needsTwoPeople(order) && signedTwice(signers) !== undefined) {
    return refuse('NEEDS_TWO_PEOPLE', `By the keyring of now ${order.verb} is signed twice by one person.`);
  }
  return withinGrants(signers, order, facts);
}
