import { concatBytes, utf8 } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { encode } from '../../src/protocol/index.ts';
import { TENANT } from './site.ts';

/** Envelopes that no honest program writes. */

const EMPTY = new Uint8Array(0);
export const ALG = { eddsa: -8, es256: -7, hmac256: 5 } as const;
type Labels = ReadonlyMap<number, unknown>;

export const orderAad = (tenant = TENANT): Uint8Array => utf8(`nightshift/1/order/${tenant}`);
export const tokenAad = (tenant = TENANT): Uint8Array => utf8(`nightshift/1/token/${tenant}`);

/** Encoded now: the encoder uses its room again. */
export const bytesOf = (value: unknown): Uint8Array => encode(value).slice();

export const headerOf = (key: KeyStore, alg: number = ALG.eddsa): Labels =>
  new Map<number, unknown>([
    [1, alg],
    [4, key.publicKey.keyId],
  ]);

export function tag(number: 18 | 98, fields: readonly unknown[]): Uint8Array {
  return concatBytes(new Uint8Array(number === 18 ? [0xd2] : [0xd8, 98]), bytesOf(fields));
}

export interface Signing {
  readonly key: KeyStore;
  /** Protected header as signed and sent, in bytes. */
  readonly header?: Uint8Array;
  readonly unprotected?: Labels;
  readonly aad?: Uint8Array;
}

/** One signature of a COSE_Sign: [protected, unprotected, signature]. */
export async function signatureBy(
  payload: Uint8Array,
  { key, header = bytesOf(headerOf(key)), unprotected = new Map(), aad = orderAad() }: Signing,
): Promise<readonly unknown[]> {
  return [header, unprotected, await key.sign(bytesOf(['Signature', EMPTY, header, aad, payload]))];
}

export const many = (payload: Uint8Array, signatures: readonly (readonly unknown[])[]): Uint8Array =>
  tag(98, [EMPTY, new Map(), payload, signatures]);

/** A COSE_Sign1 over these bytes. */
export async function one(
  payload: Uint8Array,
  { key, header = bytesOf(headerOf(key)), unprotected = new Map(), aad = orderAad() }: Signing,
): Promise<Uint8Array> {
  const signature = await key.sign(bytesOf(['Signature1', header, aad, payload]));
  return tag(18, [header, unprotected, payload, signature]);
}
