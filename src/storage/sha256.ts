import { createHash } from 'node:crypto';

/** Bytes from which on it is worth having them hashed by another thread. */
const LARGE = 64 * 1024;

/** SHA-256, without holding up this thread where there is much of it. The bytes may change once it has resolved. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength < LARGE) return new Uint8Array(createHash('sha256').update(bytes).digest());
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
