import { type KeyObject, sign, verify } from 'node:crypto';
import type { KeyAlgorithm } from '../ports/index.ts';

/** A COSE signature algorithm (RFC 9053 §2) and the one kind of key that it may be used with. */
export interface CoseAlgorithm {
  /** Value of the alg header. */
  readonly id: number;
  readonly signatureBytes: number;
  readonly hash: 'sha256' | 'sha512' | null;
  readonly keyType: 'ed25519' | 'ec';
  readonly curve?: 'prime256v1' | 'secp521r1';
}

const ed25519: CoseAlgorithm = { id: -8, signatureBytes: 64, hash: null, keyType: 'ed25519' };
const es256: CoseAlgorithm = {
  id: -7,
  signatureBytes: 64,
  hash: 'sha256',
  keyType: 'ec',
  curve: 'prime256v1',
};
/** For reading messages of others; no key of ours is of this kind. */
const es512: CoseAlgorithm = {
  id: -36,
  signatureBytes: 132,
  hash: 'sha512',
  keyType: 'ec',
  curve: 'secp521r1',
};

export const COSE_ALGORITHMS: Readonly<Record<KeyAlgorithm, CoseAlgorithm>> = {
  Ed25519: ed25519,
  ES256: es256,
};

const BY_ID = new Map([ed25519, es256, es512].map((algorithm) => [algorithm.id, algorithm]));

/** The algorithm of an alg header; undefined where it is none that we know. */
export function coseAlgorithm(id: unknown): CoseAlgorithm | undefined {
  return typeof id === 'number' ? BY_ID.get(id) : undefined;
}

function fits(algorithm: CoseAlgorithm, key: KeyObject): boolean {
  return (
    key.asymmetricKeyType === algorithm.keyType &&
    (algorithm.curve === undefined || key.asymmetricKeyDetails?.namedCurve === algorithm.curve)
  );
}

/** False also where the key is of another kind than the algorithm asks for. */
export function verifySignature(
  algorithm: CoseAlgorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!fits(algorithm, key) || signature.byteLength !== algorithm.signatureBytes) return false;
  try {
    if (algorithm.hash === null) return verify(null, signed, key, signature);
    return verify(algorithm.hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    // OpenSSL throws for numbers that cannot be a signature at all.
    return false;
  }
}

/** A signature in the form that COSE carries. */
export function signBytes(algorithm: CoseAlgorithm, key: KeyObject, data: Uint8Array): Uint8Array {
  return algorithm.hash === null
    ? sign(null, data, key)
    : sign(algorithm.hash, data, { key, dsaEncoding: 'ieee-p1363' });
}
