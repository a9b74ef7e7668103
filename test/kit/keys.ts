import { generateKeyPairSync } from 'node:crypto';
import type { KeyAlgorithm, KeyStore } from '../../src/ports/index.ts';
import { Keyring, keyStoreOf, publicKeyText, type Role } from '../../src/security/index.ts';

/** A fresh signing key held in memory. */
export function testKey(algorithm: KeyAlgorithm = 'Ed25519'): KeyStore {
  const pair =
    algorithm === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return keyStoreOf(pair.privateKey);
}

/** A keyring of these keys: {name: [key, role]}. */
export function testKeyring(keys: Readonly<Record<string, readonly [KeyStore, Role]>>): Keyring {
  return new Keyring(
    Object.entries(keys).map(([name, [key, role]]) => ({ name, role, key: publicKeyText(key.publicKey) })),
  );
}
