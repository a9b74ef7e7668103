import type { PublicKey } from './key-store.ts';

/** A private key that comes to a secret with the holder of another, which nobody who knows the public halves can compute. */
export interface KeyAgreement {
  readonly publicKey: PublicKey;
  /** 32 bytes, the same on both sides. NS_KEY_AGREEMENT where the two kinds of key cannot. */
  agree(other: PublicKey): Promise<Uint8Array>;
}
