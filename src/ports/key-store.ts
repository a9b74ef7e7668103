export type KeyAlgorithm = 'Ed25519' | 'ES256';

/** Public half of a key: enough to verify. */
export interface PublicKey {
  readonly algorithm: KeyAlgorithm;
  /** First 8 bytes of the SHA-256 of the SubjectPublicKeyInfo, so that both sides derive it. */
  readonly keyId: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** A signing key whose private half never leaves the store. */
export interface KeyStore {
  readonly publicKey: PublicKey;
  /** The signature as COSE carries it: 64 bytes; for ES256, r and s side by side. */
  sign(data: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}
