import type { KeyStore } from '../../src/ports/index.ts';
import { encode } from '../../src/protocol/index.ts';
import { sign1 } from '../../src/security/cose.ts';
import { type Grant, grantHash, publicKeyText } from '../../src/security/index.ts';
import { idOf } from './orders.ts';

const TENANT = 'acme';
/** When the grants of tests were signed, and one hour in which they hold. */
export const SIGNED_AT = 1_900_000_000;
export const ENDS_AT = SIGNED_AT + 3600;

let counter = 0;

/** A grant of all that the giver may, to this key. */
export function testGrant(to: KeyStore, change: Record<string, unknown> = {}): Grant {
  counter += 1;
  return {
    v: 1,
    tenant: TENANT,
    id: idOf(counter),
    to: publicKeyText(to.publicKey),
    name: 'tom',
    person: 'Tom',
    scopes: [{}],
    notAfter: ENDS_AT,
    at: SIGNED_AT,
    again: 0,
    ...change,
  } as Grant;
}

/** Signed by whoever, whatever it says. */
export function sealGrant(
  body: unknown,
  giver: KeyStore,
  context = `nightshift/1/grant/${TENANT}`,
): Promise<Uint8Array> {
  return sign1(encode(body).slice(), giver, new TextEncoder().encode(context));
}

export function givenGrant(
  giver: KeyStore,
  to: KeyStore,
  change: Record<string, unknown> = {},
): Promise<Uint8Array> {
  return sealGrant(testGrant(to, change), giver);
}

/** From the first key to the last, each to the next: one or two grants that hold. */
export async function chainOf(
  [first, second, third]: readonly [KeyStore, KeyStore, (KeyStore | undefined)?],
  changes: readonly [Record<string, unknown>?, Record<string, unknown>?] = [],
): Promise<Uint8Array[]> {
  const again = third === undefined ? 0 : 1;
  const one = await givenGrant(first, second, { again, ...changes[0] });
  if (third === undefined) return [one];
  return [one, await givenGrant(second, third, { name: 'uli', of: grantHash(one), ...changes[1] })];
}
