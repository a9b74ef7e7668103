import { equalBytes, NsError, type Verdict } from '../base/index.ts';
import {
  encodeKeyring,
  type GrantedKey,
  type KeyringDocument,
  openKeyring,
  publicKeyFromText,
  type RootSet,
  readKeyring,
  type SignedKeyring,
} from '../security/index.ts';

/** A keyring as it lies in a file: a draft, or signed by somebody. */
export interface KeyringFile {
  readonly document: KeyringDocument;
  readonly signed?: SignedKeyring;
}

/** First bytes of a tagged COSE_Sign. */
const SIGNED = [0xd8, 0x62] as const;

function invalid(sentence: string): NsError {
  return new NsError('NS_KEYRING_INVALID', sentence, { family: 'caller' });
}

function orThrow<T>(verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value;
  throw invalid(verdict.refusal.sentence);
}

/** NS_KEYRING_INVALID names what is wrong with it. */
export function readKeyringFile(bytes: Uint8Array): KeyringFile {
  if (!SIGNED.every((byte, at) => bytes[at] === byte)) return { document: orThrow(readKeyring(bytes)) };
  const signed = orThrow(openKeyring(bytes));
  return { document: signed.document, signed };
}

/** The bytes of a draft. NS_KEYRING_INVALID where no device would take it. */
export function draftBytes(document: KeyringDocument): Uint8Array {
  const bytes = encodeKeyring(document);
  orThrow(readKeyring(bytes));
  return bytes;
}

/** Version 1, with nobody but roots. */
export function newKeyring(tenant: string, roots: RootSet): KeyringDocument {
  return { v: 1, version: 1, tenant, roots, keys: [], revoked: [] };
}

/** What was signed stays what it is: a change to it is the next version, without signatures. */
function next({ document, signed }: KeyringFile): KeyringDocument {
  return signed === undefined ? document : { ...document, version: document.version + 1 };
}

/** A key more, or the key of that name with another grant. */
export function withKey(file: KeyringFile, key: GrantedKey): KeyringDocument {
  const document = next(file);
  const known = document.keys.find(({ name }) => name === key.name);
  if (known !== undefined && known.key !== key.key) {
    throw invalid(`"${key.name}" has another key; revoke that one first, or take another name`);
  }
  return { ...document, keys: [...document.keys.filter(({ name }) => name !== key.name), key] };
}

export function withRoot(file: KeyringFile, root: RootSet['keys'][number]): KeyringDocument {
  const document = next(file);
  return { ...document, roots: { ...document.roots, keys: [...document.roots.keys, root] } };
}

export function withThreshold(file: KeyringFile, threshold: number): KeyringDocument {
  const document = next(file);
  return { ...document, roots: { ...document.roots, threshold } };
}

export function withRole(file: KeyringFile, name: string, role: GrantedKey['role']): KeyringDocument {
  const document = next(file);
  if (!document.keys.some((key) => key.name === name)) throw invalid(`there is no key named "${name}"`);
  return {
    ...document,
    keys: document.keys.map((key) => (key.name === name ? { ...key, role } : key)),
  };
}

/** The key of that name, a root's too, is taken out and never counts again; or a public key that never was in it. */
export function withoutKey(file: KeyringFile, name: string): KeyringDocument {
  const document = next(file);
  const { roots, keys, revoked } = document;
  const found = [...roots.keys, ...keys].find((key) => key.name === name);
  if (found === undefined && !name.includes(':')) throw invalid(`there is no key named "${name}"`);
  const { keyId } = publicKeyFromText(found?.key ?? name);
  const others = <K extends { readonly name: string }>(list: readonly K[]) =>
    list.filter((key) => key.name !== name);
  return {
    ...document,
    roots: { ...roots, keys: others(roots.keys) },
    keys: others(keys),
    revoked: revoked.some((id) => equalBytes(id, keyId)) ? revoked : [...revoked, keyId],
  };
}
