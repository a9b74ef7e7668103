import type { KeyAgreement } from '../../ports/index.ts';
import { authorise } from '../authority.ts';
import type { Enrolled, KeyringView } from '../keyring.ts';
import type { ReleaseSubject } from './challenge.ts';
import { releaseCode, sameCode } from './code.ts';
import { RELEASE_ORDER } from './release-rules.ts';

/**
 * Who of the keyring in force answers this challenge with this code. All who could are tried, whoever it is, so that the time
 * it takes tells nothing. Keys of another kind than Ed25519 make no codes.
 */
export async function whoseCode(
  code: Uint8Array,
  challenge: Uint8Array,
  subject: ReleaseSubject,
  { keyring, agreement }: { readonly keyring: KeyringView; readonly agreement: KeyAgreement },
): Promise<Enrolled | undefined> {
  let found: Enrolled | undefined;
  for (const officer of keyring.current.entries()) {
    if (officer.publicKey.algorithm !== 'Ed25519') continue;
    if (!authorise(officer.role, RELEASE_ORDER, { via: 'console' }).ok) continue;
    const theirs = await releaseCode(agreement, officer.publicKey, challenge, subject, officer.keyId);
    if (sameCode(theirs, code)) found = officer;
  }
  return found;
}
