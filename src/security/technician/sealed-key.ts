import { createCipheriv, createDecipheriv, createPrivateKey, type KeyObject, scrypt } from 'node:crypto';
import { concatBytes, fromHex, toHex, utf8 } from '../../base/index.ts';
import type { Entropy } from '../../ports/index.ts';

/** An Ed25519 key that only a password opens. Texts are hexadecimal. */
export interface SealedKey {
  readonly salt: string;
  /** scrypt's cost: 2 to this power rounds over 8 blocks, 32 MiB at 15. */
  readonly logCost: number;
  readonly nonce: string;
  /** The seed by AES-256-GCM, and its tag. */
  readonly sealed: string;
}

const LOG_COST = 15;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const SEED_BYTES = 32;
const TAG_BYTES = 16;
const BLOCK_SIZE = 8;
/** PrivateKeyInfo of an Ed25519 key up to its seed (RFC 8410 section 7). */
const PKCS8_HEAD = fromHex('302e020100300506032b657004220420');

/** A new key, and the same sealed. `name` is bound to it: sealed keys cannot be exchanged for each other. */
export async function newSealedKey(
  name: string,
  password: string,
  entropy: Entropy,
  logCost = LOG_COST,
): Promise<{ readonly key: KeyObject; readonly sealed: SealedKey }> {
  const seed = entropy.randomBytes(SEED_BYTES);
  const salt = entropy.randomBytes(SALT_BYTES);
  const nonce = entropy.randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', await stretch(password, salt, logCost), nonce);
  cipher.setAAD(utf8(name));
  const body = concatBytes(cipher.update(seed), cipher.final(), cipher.getAuthTag());
  const sealed = { salt: toHex(salt), logCost, nonce: toHex(nonce), sealed: toHex(body) };
  return { key: keyOf(seed), sealed };
}

/** Undefined where the password does not open it. */
export async function openSealedKey(
  name: string,
  password: string,
  { salt, logCost, nonce, sealed }: SealedKey,
): Promise<KeyObject | undefined> {
  const secret = await stretch(password, fromHex(salt), logCost);
  const body = fromHex(sealed);
  const decipher = createDecipheriv('aes-256-gcm', secret, fromHex(nonce), { authTagLength: TAG_BYTES });
  decipher.setAAD(utf8(name));
  decipher.setAuthTag(body.subarray(SEED_BYTES));
  try {
    return keyOf(concatBytes(decipher.update(body.subarray(0, SEED_BYTES)), decipher.final()));
  } catch {
    return undefined;
  }
}

/** As long as openSealedKey takes with a wrong password: so that nobody learns by waiting whose account there is. */
export async function openNothing(password: string): Promise<void> {
  await stretch(password, new Uint8Array(SALT_BYTES), LOG_COST);
}

function keyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.from(concatBytes(PKCS8_HEAD, seed)),
    format: 'der',
    type: 'pkcs8',
  });
}

function stretch(password: string, salt: Uint8Array, logCost: number): Promise<Buffer> {
  const N = 2 ** logCost;
  const maxmem = 256 * N * BLOCK_SIZE;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, 32, { N, r: BLOCK_SIZE, p: 1, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
