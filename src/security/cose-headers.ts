import type { PublicKey } from '../ports/index.ts';
import { decodeLabelled, encode, inspect } from '../protocol/index.ts';

/** Header labels of COSE (RFC 9052 §3.1) that this program looks at. */
export const LABEL = { alg: 1, crit: 2, kid: 4 } as const;

export type Label = number | string;
type HeaderMap = ReadonlyMap<unknown, unknown>;

/** The two header maps of a message or of one signer, as received. */
export interface Headers {
  /** As it enters the signed structure: an empty map is an empty byte string there. */
  readonly protectedBytes: Uint8Array;
  readonly protectedMap: HeaderMap;
  readonly unprotectedMap: HeaderMap;
  /** Length of the protected map as received: an empty one may be written in two ways. */
  readonly protectedLength: number;
}

const EMPTY = new Uint8Array(0);
const MAX_LABELS = 16;

function protectedMapOf(bytes: Uint8Array): HeaderMap | undefined {
  if (bytes.byteLength === 0) return new Map();
  if (!inspect(bytes, { keys: 'labels', maxDepth: 4, maxItems: 64, maxMapKeys: MAX_LABELS }).ok)
    return undefined;
  const map = decodeLabelled(bytes);
  return map instanceof Map ? map : undefined;
}

/** Undefined where the pair is not a pair of header maps, or a label stands in both (RFC 9052 §3). */
export function readHeaders(protectedItem: unknown, unprotectedItem: unknown): Headers | undefined {
  if (!(protectedItem instanceof Uint8Array) || !(unprotectedItem instanceof Map)) return undefined;
  if (unprotectedItem.size > MAX_LABELS) return undefined;
  const protectedMap = protectedMapOf(protectedItem);
  if (protectedMap === undefined) return undefined;
  for (const label of protectedMap.keys()) if (unprotectedItem.has(label)) return undefined;
  const protectedBytes = protectedMap.size === 0 ? EMPTY : protectedItem;
  const protectedLength = protectedItem.byteLength;
  return { protectedBytes, protectedMap, unprotectedMap: unprotectedItem, protectedLength };
}

const written = new WeakMap<Pick<PublicKey, 'keyId'>, Uint8Array>();

/** The protected header of a message that we sign with this key; written once a key. */
export function writeProtected(algorithm: number, key: Pick<PublicKey, 'keyId'>): Uint8Array {
  const known = written.get(key);
  if (known !== undefined) return known;
  const header = encode(
    new Map<number, unknown>([
      [LABEL.alg, algorithm],
      [LABEL.kid, key.keyId],
    ]),
  ).slice();
  written.set(key, header);
  return header;
}

/** Whether every label that the message calls critical is protected, present, and understood by the caller. */
export function criticalLabelsHold(headers: Headers, understood: readonly Label[]): boolean {
  if (headers.unprotectedMap.has(LABEL.crit)) return false;
  if (!headers.protectedMap.has(LABEL.crit)) return true;
  const labels = headers.protectedMap.get(LABEL.crit);
  if (!Array.isArray(labels) || labels.length === 0) return false;
  return labels.every(
    (label: unknown) =>
      headers.protectedMap.has(label) &&
      ([LABEL.alg, LABEL.kid].some((known) => known === label) ||
        understood.some((known) => known === label)),
  );
}

export function algorithmOf(headers: Headers): unknown {
  return headers.protectedMap.get(LABEL.alg) ?? headers.unprotectedMap.get(LABEL.alg);
}

export function keyIdOf(headers: Headers): Uint8Array | undefined {
  const kid = headers.protectedMap.get(LABEL.kid) ?? headers.unprotectedMap.get(LABEL.kid);
  return kid instanceof Uint8Array ? kid : undefined;
}

/** The form that orders and events have: algorithm and key id, both protected, and nothing else anywhere. */
export function isStrictForm(headers: Headers): boolean {
  return (
    headers.unprotectedMap.size === 0 &&
    headers.protectedMap.size === 2 &&
    headers.protectedMap.has(LABEL.alg) &&
    headers.protectedMap.get(LABEL.kid) instanceof Uint8Array
  );
}
