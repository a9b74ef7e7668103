import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { concatBytes, NsError } from '../../base/index.ts';
import type { CipherSuite } from './cipher-suite.ts';

/** Keys of one session, derived from its SIK (IPMI 2.0, 13.31, 13.32). */
export interface SessionKeys {
  readonly suite: CipherSuite;
  /** For integrity codes. */
  readonly k1: Uint8Array;
  /** The first 16 bytes of K2, for AES-CBC-128. */
  readonly aes: Uint8Array;
}

const CONSTANT_SIZE = 20;
const AES_BLOCK = 16;
const NEXT_HEADER = 0x07;

export function hmac(suite: CipherSuite, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(suite.hash, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Never tells by its time where two codes differ. */
export const sameCode = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && timingSafeEqual(a, b);

export function deriveKeys(suite: CipherSuite, sik: Uint8Array): SessionKeys {
  const constant = (byte: number): Uint8Array => new Uint8Array(CONSTANT_SIZE).fill(byte);
  return {
    suite,
    k1: hmac(suite, sik, constant(1)),
    aes: hmac(suite, sik, constant(2)).subarray(0, AES_BLOCK),
  };
}

/** The confidentiality header, encrypted payload and trailer of AES-CBC-128 (13.29). The IV is 16 fresh random bytes. */
export function encryptPayload(keys: SessionKeys, iv: Uint8Array, payload: Uint8Array): Uint8Array {
  const padLength = (AES_BLOCK - ((payload.byteLength + 1) % AES_BLOCK)) % AES_BLOCK;
  const pad = Uint8Array.from({ length: padLength + 1 }, (_, i) => (i === padLength ? padLength : i + 1));
  const cipher = createCipheriv('aes-128-cbc', keys.aes, iv).setAutoPadding(false);
  return concatBytes(iv, cipher.update(payload), cipher.update(pad), cipher.final());
}

/** NS_IPMI_PAYLOAD where lengths or padding are wrong. Only for a packet whose integrity code was good. */
export function decryptPayload(keys: SessionKeys, bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength < 2 * AES_BLOCK || bytes.byteLength % AES_BLOCK !== 0) throw badPayload();
  const decipher = createDecipheriv('aes-128-cbc', keys.aes, bytes.subarray(0, AES_BLOCK)).setAutoPadding(
    false,
  );
  const plain = concatBytes(decipher.update(bytes.subarray(AES_BLOCK)), decipher.final());
  const padLength = plain[plain.byteLength - 1]!;
  const length = plain.byteLength - 1 - padLength;
  if (padLength >= AES_BLOCK || length < 0) throw badPayload();
  for (let i = 0; i < padLength; i += 1) if (plain[length + i] !== i + 1) throw badPayload();
  return plain.subarray(0, length);
}

/** Adds the session trailer: pad, pad length, next header, code over all from the authentication type on (13.28.4). */
export function sealPacket(keys: SessionKeys, packet: Uint8Array, authenticatedFrom: number): Uint8Array {
  const size = packet.byteLength - authenticatedFrom + 2;
  const padLength = (4 - (size % 4)) % 4;
  const trailer = new Uint8Array(padLength + 2).fill(0xff, 0, padLength);
  trailer.set([padLength, NEXT_HEADER], padLength);
  const sealed = concatBytes(packet, trailer);
  const code = hmac(keys.suite, keys.k1, sealed.subarray(authenticatedFrom));
  return concatBytes(sealed, code.subarray(0, keys.suite.codeSize));
}

/** True where the code at the packet's end is right for everything before it. */
export function isSealed(keys: SessionKeys, packet: Uint8Array, authenticatedFrom: number): boolean {
  const end = packet.byteLength - keys.suite.codeSize;
  if (end <= authenticatedFrom) return false;
  const code = hmac(keys.suite, keys.k1, packet.subarray(authenticatedFrom, end));
  return sameCode(code.subarray(0, keys.suite.codeSize), packet.subarray(end));
}

function badPayload(): NsError {
  return new NsError('NS_IPMI_PAYLOAD', 'an encrypted IPMI payload with wrong padding', { family: 'peer' });
}
