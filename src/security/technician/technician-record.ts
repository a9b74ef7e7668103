import * as v from 'valibot';
import { frameJson, type RecordKind, unframeJson } from '../../base/index.ts';
import type { SealedKey } from './sealed-key.ts';

/** Somebody who may log in at the console of this device. What the key may order is for the keyring to say. */
export interface Technician {
  readonly name: string;
  /** "ed25519:…", as a keyring names it. */
  readonly publicKey: string;
  readonly key: SealedKey;
}

/** What logging in has come to; kept apart from who may, which is written by whoever provisions the device. */
export interface LoginRecord {
  /** Log-ins that failed since one did not: these make the next one wait. */
  readonly failed: number;
}

export const MOST_TECHNICIANS = 32;
export const NO_LOGINS: LoginRecord = { failed: 0 };

/** As it is typed at a console: seven bits, no space. */
export const TECHNICIAN_NAME = /^[a-z][a-z0-9._-]{0,31}$/;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hex = (bytes: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]+$/), v.length(bytes * 2));
const technicians = v.pipe(
  v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.regex(TECHNICIAN_NAME)),
      publicKey: v.pipe(v.string(), v.maxLength(256)),
      key: v.strictObject({
        salt: hex(16),
        // What a device of ours can work out in time and memory.
        logCost: v.pipe(count, v.minValue(10), v.maxValue(17)),
        nonce: hex(12),
        sealed: hex(48),
      }),
    }),
  ),
  v.maxLength(MOST_TECHNICIANS),
);
const logins = v.strictObject({ failed: count });

const TECHNICIANS: RecordKind = { letters: 'NSTE', largest: 32 * 1024 };
const LOGINS: RecordKind = { letters: 'NSLO', largest: 256 };

export function encodeTechnicians(list: readonly Technician[]): Uint8Array {
  return frameJson(TECHNICIANS, list);
}

/** Undefined where it is not whole. */
export function decodeTechnicians(bytes: Uint8Array): readonly Technician[] | undefined {
  return unframeJson(TECHNICIANS, bytes, technicians);
}

export function encodeLogins(record: LoginRecord): Uint8Array {
  return frameJson(LOGINS, record);
}

/** Undefined where it is not whole. */
export function decodeLogins(bytes: Uint8Array): LoginRecord | undefined {
  return unframeJson(LOGINS, bytes, logins);
}
