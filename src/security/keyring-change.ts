import { allow, equalBytes, refuse, toHex, type Verdict } from '../base/index.ts';
import type { RootSet } from './keyring-document.ts';
import { openKeyring, type SignedKeyring, signersOf } from './keyring-signatures.ts';

/** What a new document is judged against. */
export interface KeyringStanding {
  readonly tenant: string;
  /** Who decides now; absent where this device was given no roots. */
  readonly roots?: RootSet | undefined;
  /** The document in force, where there is one. */
  readonly now?: Pick<SignedKeyring, 'document' | 'hash'> | undefined;
}

export type KeyringChange =
  | { readonly is: 'same'; readonly signed: SignedKeyring }
  | { readonly is: 'next'; readonly signed: SignedKeyring };

/**
 * Whether these bytes are the keyring that comes next. As many people of the old roots and as many of the new ones must
 * have signed as each set asks for; the version rises; a revocation is never taken back. KEYRING_INVALID,
 * KEYRING_NO_ROOTS, KEYRING_OLDER, KEYRING_FORKED (the same version with other contents), KEYRING_UNSIGNED.
 */
export function judgeKeyring(
  bytes: Uint8Array,
  { tenant, roots, now }: KeyringStanding,
): Verdict<KeyringChange> {
  if (roots === undefined) return refuse('KEYRING_NO_ROOTS');
  const opened = openKeyring(bytes);
  if (!opened.ok) return opened;
  const { document, hash } = opened.value;
  if (document.tenant !== tenant) {
    return refuse(
      'KEYRING_INVALID',
      `It is for the tenant "${document.tenant}", and this device is of "${tenant}".`,
    );
  }
  if (now !== undefined && document.version < now.document.version) {
    return refuse(
      'KEYRING_OLDER',
      `It has version ${document.version}; the device has ${now.document.version}.`,
    );
  }
  if (now !== undefined && document.version === now.document.version) {
    if (equalBytes(hash, now.hash)) return allow({ is: 'same', signed: opened.value });
    return refuse(
      'KEYRING_FORKED',
      `Version ${document.version} here has the hash ${short(now.hash)}, and this one ${short(hash)}.`,
    );
  }
  const unsigned =
    missingPeople(opened.value, roots, 'the roots in force') ??
    missingPeople(opened.value, document.roots, 'its own roots');
  if (unsigned !== undefined) return refuse('KEYRING_UNSIGNED', unsigned);
  const kept = new Set(document.revoked.map(toHex));
  const back = now?.document.revoked.find((id) => !kept.has(toHex(id)));
  if (back !== undefined)
    return refuse('KEYRING_INVALID', `It takes back the revocation of the key ${toHex(back)}.`);
  return allow({ is: 'next', signed: opened.value });
}

/** What is missing of a threshold, in words. */
export function missingPeople(signed: SignedKeyring, roots: RootSet, which: string): string | undefined {
  const people = signersOf(signed, roots);
  if (people.length >= roots.threshold) return undefined;
  const who =
    people.length === 0 ? 'nobody has' : `only ${people.join(', ')} ${people.length === 1 ? 'has' : 'have'}`;
  return `Of ${which}, ${who} signed it; it takes ${roots.threshold} different people.`;
}

function short(hash: Uint8Array): string {
  return toHex(hash.subarray(0, 8));
}
