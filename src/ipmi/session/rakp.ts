import { ByteView, concatBytes, NsError } from '../../base/index.ts';
import { le32 } from '../wire/bits.ts';
import { type CipherSuite, suiteOf } from '../wire/cipher-suite.ts';
import { hmac } from '../wire/protection.ts';

/** What both sides put into the hashes of the RMCP+ key exchange (IPMI 2.0, 13.20-13.31). */
export interface Exchange {
  readonly suite: CipherSuite;
  readonly consoleSession: number;
  readonly bmcSession: number;
  /** 16 random bytes of the console, and of the BMC. */
  readonly consoleRandom: Uint8Array;
  readonly bmcRandom: Uint8Array;
  readonly bmcGuid: Uint8Array;
  /** The role byte of RAKP 1 as sent: privilege level, and 0x10 for a look-up by name alone. */
  readonly role: number;
  readonly user: Uint8Array;
}

/** Padded to 20 bytes. */
export type UserKey = Uint8Array;

const KEY_SIZE = 20;
const RANDOM_SIZE = 16;

/** The key exchange code of RAKP 2, by which the BMC shows that it knows the password. */
export const rakp2Code = (x: Exchange, key: UserKey): Uint8Array =>
  hmac(
    x.suite,
    key,
    u32(x.consoleSession),
    u32(x.bmcSession),
    x.consoleRandom,
    x.bmcRandom,
    x.bmcGuid,
    named(x),
  );

/** The code of RAKP 3, by which the console does. */
export const rakp3Code = (x: Exchange, key: UserKey): Uint8Array =>
  hmac(x.suite, key, x.bmcRandom, u32(x.consoleSession), named(x));

/** The session integrity key. `bmcKey` (Kg) is the user's key where the BMC has none of its own. */
export const sessionIntegrityKey = (x: Exchange, bmcKey: UserKey): Uint8Array =>
  hmac(x.suite, bmcKey, x.consoleRandom, x.bmcRandom, named(x));

/** The integrity check value of RAKP 4. */
export const rakp4Code = (x: Exchange, sik: Uint8Array): Uint8Array =>
  hmac(x.suite, sik, x.consoleRandom, u32(x.bmcSession), x.bmcGuid).subarray(0, x.suite.codeSize);

/** NS_IPMI_CREDENTIALS where it has more than 20 bytes: BMCs cut such passwords, each in its own way. */
export function userKey(password: Uint8Array): UserKey {
  if (password.byteLength > KEY_SIZE) {
    throw new NsError('NS_IPMI_CREDENTIALS', 'an IPMI password has at most 20 bytes', { family: 'caller' });
  }
  const key = new Uint8Array(KEY_SIZE);
  key.set(password);
  return key;
}

export interface OpenRequest {
  readonly tag: number;
  /** The highest privilege level wanted. */
  readonly level: number;
  readonly consoleSession: number;
  readonly suite: CipherSuite;
}

export function encodeOpenRequest({ tag, level, consoleSession, suite }: OpenRequest): Uint8Array {
  const block = (kind: number, algorithm: number): number[] => [kind, 0, 0, 8, algorithm, 0, 0, 0];
  return concatBytes(
    Uint8Array.of(tag, level, 0, 0),
    u32(consoleSession),
    Uint8Array.from([
      ...block(0, suite.authentication),
      ...block(1, suite.integrity),
      ...block(2, suite.confidentiality),
    ]),
  );
}

/** A reply of session set-up: status not 0 says why it ends here. */
export type SetupReply<T> = ({ readonly status: 0 } & T) | { readonly status: number; readonly failed: true };

export interface OpenResponse {
  readonly tag: number;
  readonly level: number;
  readonly consoleSession: number;
  readonly bmcSession: number;
  /** Undefined where the BMC chose algorithms that are no suite of ours. */
  readonly suite: CipherSuite | undefined;
}

/** Error replies may be two bytes long: the status is read before anything else. */
export function decodeOpenResponse(bytes: Uint8Array): SetupReply<OpenResponse> & { readonly tag: number } {
  const view = new ByteView(bytes, 'an open session response');
  const [tag, status] = [view.u8(0), view.u8(1)];
  if (status !== 0) return { tag, status, failed: true };
  return {
    tag,
    status: 0,
    level: view.u8(2) & 0x0f,
    consoleSession: view.u32le(4),
    bmcSession: view.u32le(8),
    suite: suiteOf(view.u8(16) & 0x3f, view.u8(24) & 0x3f, view.u8(32) & 0x3f),
  };
}

export function encodeRakp1(
  tag: number,
  x: Pick<Exchange, 'bmcSession' | 'consoleRandom' | 'role' | 'user'>,
): Uint8Array {
  return concatBytes(
    Uint8Array.of(tag, 0, 0, 0),
    u32(x.bmcSession),
    x.consoleRandom,
    Uint8Array.of(x.role, 0, 0, x.user.byteLength),
    x.user,
  );
}

export interface Rakp2 {
  readonly tag: number;
  readonly consoleSession: number;
  readonly bmcRandom: Uint8Array;
  readonly bmcGuid: Uint8Array;
  readonly code: Uint8Array;
}

export function decodeRakp2(bytes: Uint8Array): SetupReply<Rakp2> & { readonly tag: number } {
  const view = new ByteView(bytes, 'RAKP 2');
  const [tag, status] = [view.u8(0), view.u8(1)];
  if (status !== 0) return { tag, status, failed: true };
  return {
    tag,
    status: 0,
    consoleSession: view.u32le(4),
    bmcRandom: view.slice(8, RANDOM_SIZE),
    bmcGuid: view.slice(24, RANDOM_SIZE),
    code: bytes.subarray(40),
  };
}

export function encodeRakp3(tag: number, status: number, bmcSession: number, code: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(tag, status, 0, 0), u32(bmcSession), code);
}

export interface Rakp4 {
  readonly tag: number;
  readonly consoleSession: number;
  readonly code: Uint8Array;
}

export function decodeRakp4(bytes: Uint8Array): SetupReply<Rakp4> & { readonly tag: number } {
  const view = new ByteView(bytes, 'RAKP 4');
  const [tag, status] = [view.u8(0), view.u8(1)];
  if (status !== 0) return { tag, status, failed: true };
  return { tag, status: 0, consoleSession: view.u32le(4), code: bytes.subarray(8) };
}

/** Session ids are hashed in the byte order of the wire. */
const u32 = (value: number): Uint8Array => Uint8Array.from(le32(value));

const named = ({ role, user }: Exchange): Uint8Array =>
  concatBytes(Uint8Array.of(role, user.byteLength), user);
