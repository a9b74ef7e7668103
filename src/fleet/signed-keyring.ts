import { NsError, shapeConfig } from '../base/index.ts';
import {
  checkRoots,
  type KeyringEntry,
  openKeyring,
  type RootSet,
  rootSet,
  signersOf,
} from '../security/index.ts';

/** A signed keyring document begins with the tag of COSE_Sign. */
export function isSignedKeyring(bytes: Uint8Array): boolean {
  return bytes[0] === 0xd8 && bytes[1] === 0x62;
}

/** Roots as a configuration has them. NS_CONFIG_INVALID, NS_KEYRING_INVALID. */
export function parseRoots(source: string, raw: unknown): RootSet {
  return checkRoots(shapeConfig(rootSet, raw, source));
}

/**
 * The keys of a keyring document, believed by these roots' signatures alone: any version that enough of these people
 * have signed. NS_KEYRING_INVALID.
 */
export function signedKeys(
  source: string,
  bytes: Uint8Array,
  roots: RootSet | undefined,
  tenant: string,
): readonly KeyringEntry[] {
  const invalid = (why: string): NsError =>
    new NsError('NS_KEYRING_INVALID', `${source}: ${why}`, { family: 'caller' });
  if (roots === undefined) throw invalid('a signed keyring is believed by its roots; name them with --roots');
  const opened = openKeyring(bytes);
  if (!opened.ok) throw invalid(opened.refusal.sentence);
  const { document } = opened.value;
  if (document.tenant !== tenant)
    throw invalid(`it is of the tenant "${document.tenant}", not of "${tenant}"`);
  const people = signersOf(opened.value, roots).length;
  if (people < roots.threshold)
    throw invalid(`${people} of these roots have signed it, and ${roots.threshold} must`);
  return document.keys;
}
