import { createPublicKey, type KeyObject } from 'node:crypto';
import { NsError } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { COSE_ALGORITHMS, signBytes } from './cose-algorithm.ts';
import { publicKeyFromSpki } from './public-key.ts';

/** A KeyStore over a private key held in this process. NS_KEY_INVALID where it is neither Ed25519 nor P-256. */
export function keyStoreOf(privateKey: KeyObject): KeyStore {
  if (privateKey.type !== 'private') {
    throw new NsError('NS_KEY_INVALID', 'not a private key', { family: 'caller' });
  }
  const publicKey = publicKeyFromSpki(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  const algorithm = COSE_ALGORITHMS[publicKey.algorithm];
  return {
    publicKey,
    sign: async (data, signal) => {
      signal?.throwIfAborted();
      return signBytes(algorithm, privateKey, data);
    },
  };
}
