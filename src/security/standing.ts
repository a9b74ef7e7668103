import { allow, refuse, toHex, type Verdict } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { authorise, type Door, needsTwoPeople, signedTwice } from './authority.ts';
import { holderByGrants, linksOf } from './grant-chain.ts';
import { type Enrolled, foldPerson, type Keyring } from './keyring.ts';
import { mayWithin, type ScopeFacts } from './scope.ts';
import { openToken } from './token.ts';

export interface StandingFacts extends ScopeFacts {
  /** Seconds since 1970 that have surely passed, or the wall clock, whichever is later. */
  readonly now: number;
}

/**
 * Whether the grants of all who signed still hold and each covers the order; where a right was passed on, the grants of
 * all through whom it was. KEY_EXPIRED, NOT_YET_VALID or OUT_OF_SCOPE.
 */
export function withinGrants(
  signers: readonly Enrolled[],
  order: Pick<Order, 'verb' | 'args'>,
  facts: StandingFacts,
): Verdict<void> {
  for (const { name, scopes, notBefore, notAfter } of signers.flatMap(linksOf)) {
    if (notBefore !== undefined && facts.now < notBefore) {
      return refuse('NOT_YET_VALID', `The grant of ${name} begins in ${notBefore - facts.now} s.`);
    }
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
 * role may still give it, they are still as many people, and the grants cover it. Who has the right by grants that the
 * order carries has it only while all through whom it was passed on have theirs. A token that it brought is still that of
 * a governor, who is none of them. KEY_UNKNOWN, DELEGATION_INVALID, NOT_PERMITTED, NEEDS_TWO_PEOPLE, TOKEN_INVALID,
 * KEY_EXPIRED, NOT_YET_VALID, OUT_OF_SCOPE.
 */
export function stillStands(
  keyring: Keyring,
  keyIds: readonly Uint8Array[],
  order: Pick<Order, 'verb' | 'args' | 'grants' | 'token'>,
  facts: StandingFacts & { readonly via: Door; readonly tenant: string },
): Verdict<void> {
  const found = signersBehind(keyring, keyIds, order, facts.tenant);
  if (!found.ok) return found;
  const signers = found.value;
  for (const { role } of signers) {
    const permitted = authorise(role, order, facts);
    if (!permitted.ok) return permitted;
  }
  if (needsTwoPeople(order) && signedTwice(signers) !== undefined) {
    return refuse('NEEDS_TWO_PEOPLE', `By the keyring of now ${order.verb} is signed twice by one person.`);
  }
  const governed = stillGoverned(order, signers, keyring, facts.tenant);
  return governed.ok ? withinGrants(signers, order, facts) : governed;
}

/** The budget has judged the token when the order was taken: here it is asked only whose it is. */
function stillGoverned(
  { token }: Pick<Order, 'token'>,
  signers: readonly Enrolled[],
  keyring: Keyring,
  tenant: string,
): Verdict<void> {
  if (token === undefined) return allow(undefined);
  const opened = openToken(token, keyring, tenant);
  if (!opened.ok) return opened;
  const { governor } = opened.value;
  const both = signers.some(({ person }) => foldPerson(person) === foldPerson(governor.person));
  return both
    ? refuse('TOKEN_INVALID', `By the keyring of now ${governor.person} signed both the order and its token.`)
    : allow(undefined);
}

/** Who has signed an order that was opened before, by the keyring of now. KEY_UNKNOWN, DELEGATION_INVALID. */
export function signersBehind(
  keyring: Keyring,
  keyIds: readonly Uint8Array[],
  { grants }: Pick<Order, 'grants'>,
  tenant: string,
): Verdict<readonly Enrolled[]> {
  const signers: Enrolled[] = [];
  for (const [index, keyId] of keyIds.entries()) {
    const signer =
      index === 0 && grants !== undefined
        ? holderByGrants(grants, keyId, keyring, tenant)
        : enrolled(keyring, keyId);
    if (!signer.ok) return signer;
    signers.push(signer.value);
  }
  return allow(signers);
}

function enrolled(keyring: Keyring, keyId: Uint8Array): Verdict<Enrolled> {
  const signer = keyring.lookup(keyId);
  if (signer !== undefined) return allow(signer);
  return refuse('KEY_UNKNOWN', `The key ${toHex(keyId)} is no longer enrolled.`);
}
