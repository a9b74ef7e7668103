import { createHash, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { concatBytes, fromHex, isAllZero, NsError } from '../base/index.ts';
import type { KeyAgreement, PublicKey } from '../ports/index.ts';
import { montgomeryU } from './ed25519-point.ts';
import { publicKeyFromSpki } from './public-key.ts';

/** RFC 8410: what stands before the 32 bytes of an X25519 key. */
const SPKI_PREFIX = fromHex('302a300506032b656e032100');
const PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420');
/** Of an Ed25519 key in SubjectPublicKeyInfo. */
const RAW_FROM = 12;

function cannot(why: string, cause?: unknown): NsError {
  return new NsError('NS_KEY_AGREEMENT', why, { family: 'caller', cause });
}

/** The X25519 key of the same secret (RFC 8032 §5.1.5, RFC 7748 §5): the low half of the seed's SHA-512, clamped. */
export function x25519PrivateOf(seed: Uint8Array): KeyObject {
  const scalar = createHash('sha512').update(seed).digest().subarray(0, 32);
  scalar[0] = scalar[0]! & 0xf8;
  scalar[31] = (scalar[31]! & 0x7f) | 0x40;
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, scalar));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** The X25519 key of an Ed25519 public key. NS_KEY_AGREEMENT for other kinds. */
export function x25519PublicOf(key: PublicKey): KeyObject {
  if (key.algorithm !== 'Ed25519') {
    throw cannot('only Ed25519 keys make release codes, and this one is of another kind');
  }
  // Judged again, whoever made the object: a point of small order would give a secret that everybody knows.
  const raw = publicKeyFromSpki(key.spki).spki.subarray(RAW_FROM);
  const der = Buffer.from(concatBytes(SPKI_PREFIX, montgomeryU(raw)));
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** Over an Ed25519 key that is held in this process. NS_KEY_AGREEMENT for other kinds. */
export function keyAgreementOf(privateKey: KeyObject): KeyAgreement {
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519') {
    throw cannot('only Ed25519 keys make release codes, and this one is of another kind');
  }
  const publicKey = publicKeyFromSpki(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const own = x25519PrivateOf(seed);
  return {
    publicKey,
    agree: async (other) => {
      const secret = agreed(own, x25519PublicOf(other));
      if (isAllZero(secret)) throw cannot('the two keys come to no secret');
      return secret;
    },
  };
}

function agreed(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey }));
  } catch (cause) {
    throw cannot('the two keys come to no secret', cause);
  }
}
