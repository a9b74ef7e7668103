import type { KeyStore } from '../../src/ports/index.ts';
import type { KeyringDocument, RootSet } from '../../src/security/keyring-document.ts';
import { signKeyring } from '../../src/security/keyring-signatures.ts';
import { publicKeyText } from '../../src/security/public-key.ts';
import { testKey } from './keys.ts';

export const textOf = (key: KeyStore): string => publicKeyText(key.publicKey);

/** Three people with root keys; the last has two. */
export const ROOTS = {
  ann: testKey(),
  ben: testKey('ES256'),
  cy: testKey(),
  cy2: testKey(),
} as const;

/** Other people, who may follow them. */
export const NEXT_ROOTS = { dee: testKey(), eve: testKey() } as const;

export const rootsOf = (threshold: number, keys: Readonly<Record<string, KeyStore>>): RootSet => ({
  threshold,
  keys: Object.entries(keys).map(([name, key]) => ({
    name: `${name}-root`,
    person: name.replace(/\d$/, ''),
    key: textOf(key),
  })),
});

export const grant = (
  name: string,
  role: KeyringDocument['keys'][number]['role'],
  key: KeyStore,
): KeyringDocument['keys'][number] => ({ name, person: name, role, key: textOf(key) });

/** Version 1 of the tenant "acme" under two of ROOTS, with no other key. */
export function paper(change: Partial<KeyringDocument> = {}): KeyringDocument {
  return {
    v: 1,
    version: 1,
    tenant: 'acme',
    roots: rootsOf(2, ROOTS),
    keys: [],
    revoked: [],
    ...change,
  };
}

export const signedPaper = (
  change: Partial<KeyringDocument> = {},
  signers: readonly KeyStore[] = [ROOTS.ann, ROOTS.ben],
): Promise<Uint8Array> => signKeyring(paper(change), signers);
