import { equalBytes, utf8 } from '../base/index.ts';
import { type CoseMessage, signerKeyId } from './cose.ts';

/** Bound into every order's signature: a packet signed for one tenant or class is worthless in another. */
export function orderContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/order/${tenant}`);
}

/** The key ids of all signatures, in order; undefined where one names none, or two name the same. */
export function signerKeyIds(message: CoseMessage): readonly Uint8Array[] | undefined {
  const keyIds: Uint8Array[] = [];
  for (const index of message.signatures.keys()) {
    const keyId = signerKeyId(message, index);
    if (keyId === undefined || keyIds.some((other) => equalBytes(other, keyId))) return undefined;
    keyIds.push(keyId);
  }
  return keyIds;
}
