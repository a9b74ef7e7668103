import { generateKeyPairSync } from 'node:crypto';
import type { KeyAgreement, KeyStore } from '../../src/ports/index.ts';
import { keyAgreementOf, keyStoreOf } from '../../src/security/index.ts';

/** A fresh Ed25519 key that makes release codes. */
export function testAgreement(): KeyAgreement {
  return keyAgreementOf(generateKeyPairSync('ed25519').privateKey);
}

/** A fresh key that signs, and makes release codes. */
export function testOfficer(): { readonly key: KeyStore; readonly agreement: KeyAgreement } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { key: keyStoreOf(privateKey), agreement: keyAgreementOf(privateKey) };
}
