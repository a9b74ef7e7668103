import type { KeyObject } from 'node:crypto';
import type { KeyStore, PublicKey } from '../ports/index.ts';
import { decodeLabelled, encode, inspect } from '../protocol/index.ts';
import { COSE_ALGORITHMS, coseAlgorithm, verifySignature } from './cose-algorithm.ts';
import {
  algorithmOf,
  criticalLabelsHold,
  type Headers,
  isStrictForm,
  keyIdOf,
  type Label,
  readHeaders,
  writeProtected,
} from './cose-headers.ts';

/** COSE_Sign1 and COSE_Sign (RFC 9052 §4). Signatures are checked over the bytes as received. */

export const TAG = { sign1: 18, sign: 98 } as const;
export const MAX_SIGNERS = 8;
const EMPTY = new Uint8Array(0);

interface Signature {
  readonly headers: Headers;
  readonly signature: Uint8Array;
}

export interface CoseMessage {
  readonly form: 'sign1' | 'sign';
  readonly tagged: boolean;
  readonly headers: Headers;
  readonly payload: Uint8Array;
  /** One for sign1, whose headers are the message's own. */
  readonly signatures: readonly Signature[];
}

export interface CheckOptions {
  /** Bound into the signature, carried outside the message. */
  readonly externalAad?: Uint8Array;
  /** Labels that the caller acts on, so that a message may call them critical. */
  readonly understood?: readonly Label[];
  /** Refuse whatever orders and events never have: algorithm or key id unprotected, other labels, no tag. */
  readonly strict?: boolean;
}

function splitTag(bytes: Uint8Array): { tag: number | undefined; item: Uint8Array } {
  if (bytes[0] === 0xd2) return { tag: TAG.sign1, item: bytes.subarray(1) };
  if (bytes[0] === 0xd8 && bytes[1] === TAG.sign) return { tag: TAG.sign, item: bytes.subarray(2) };
  return { tag: undefined, item: bytes };
}

function readSigners(items: unknown): readonly Signature[] | undefined {
  if (!Array.isArray(items) || items.length === 0 || items.length > MAX_SIGNERS) return undefined;
  const signers: Signature[] = [];
  for (const item of items as readonly unknown[]) {
    if (!Array.isArray(item) || item.length !== 3) return undefined;
    const headers = readHeaders(item[0], item[1]);
    const signature: unknown = item[2];
    if (headers === undefined || !(signature instanceof Uint8Array)) return undefined;
    signers.push({ headers, signature });
  }
  return signers;
}

/**
 * Takes an envelope apart. The bytes must have passed customs with tags 18 and 98 and integer labels allowed. An
 * untagged one is told by its last field. Undefined where it is neither COSE_Sign1 nor COSE_Sign.
 */
export function parseCose(bytes: Uint8Array): CoseMessage | undefined {
  const { tag, item } = splitTag(bytes);
  const fields = decodeLabelled(item);
  if (!Array.isArray(fields) || fields.length !== 4) return undefined;
  const headers = readHeaders(fields[0], fields[1]);
  const payload: unknown = fields[2];
  const last: unknown = fields[3];
  if (headers === undefined || !(payload instanceof Uint8Array)) return undefined;
  const tagged = tag !== undefined;
  if (last instanceof Uint8Array) {
    if (tag === TAG.sign) return undefined;
    return { form: 'sign1', tagged, headers, payload, signatures: [{ headers, signature: last }] };
  }
  const signatures = readSigners(last);
  if (signatures === undefined || tag === TAG.sign1) return undefined;
  return { form: 'sign', tagged, headers, payload, signatures };
}

export function inspectEnvelope(bytes: Uint8Array): ReturnType<typeof inspect> {
  return inspect(bytes, {
    tags: [TAG.sign1, TAG.sign],
    keys: 'labels',
    maxDepth: 6,
    maxItems: 128,
    maxMapKeys: 16,
  });
}

/** The key id that a signature names, where it names one. */
export function signerKeyId(message: CoseMessage, index = 0): Uint8Array | undefined {
  const signature = message.signatures[index];
  return signature === undefined ? undefined : keyIdOf(signature.headers);
}

export function isStrict(message: CoseMessage): boolean {
  return (
    message.tagged &&
    (message.form === 'sign1' ||
      (message.headers.unprotectedMap.size === 0 && message.headers.protectedLength === 0)) &&
    message.signatures.every((signature) => isStrictForm(signature.headers))
  );
}

function signedBytes(
  form: 'sign1' | 'sign',
  body: Uint8Array,
  signer: Uint8Array,
  aad: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  return encode(
    form === 'sign1' ? ['Signature1', body, aad, payload] : ['Signature', body, signer, aad, payload],
  );
}

/** Whether this signature of the message is by this key, by the message's own algorithm, and nothing critical is ignored. */
export function checkSignature(
  message: CoseMessage,
  index: number,
  key: KeyObject,
  options: CheckOptions = {},
): boolean {
  const signature = message.signatures[index];
  if (signature === undefined || (options.strict === true && !isStrict(message))) return false;
  const understood = options.understood ?? [];
  if (!criticalLabelsHold(message.headers, understood)) return false;
  if (!criticalLabelsHold(signature.headers, understood)) return false;
  const algorithm = coseAlgorithm(algorithmOf(signature.headers));
  if (algorithm === undefined) return false;
  const signed = signedBytes(
    message.form,
    message.headers.protectedBytes,
    signature.headers.protectedBytes,
    options.externalAad ?? EMPTY,
    message.payload,
  );
  return verifySignature(algorithm, key, signed, signature.signature);
}

/** COSE_Sign1, tagged; algorithm and key id protected. */
export async function sign1(
  payload: Uint8Array,
  keyStore: KeyStore,
  externalAad: Uint8Array = EMPTY,
): Promise<Uint8Array> {
  const { publicKey } = keyStore;
  const header = writeProtected(COSE_ALGORITHMS[publicKey.algorithm].id, publicKey);
  const signature = await keyStore.sign(signedBytes('sign1', header, EMPTY, externalAad, payload));
  return tagged(TAG.sign1, [header, new Map(), payload, signature]);
}

/** The same of a signature that was made before, as it travelled without its message. */
export function assembleSign1(
  payload: Uint8Array,
  by: Pick<PublicKey, 'algorithm' | 'keyId'>,
  signature: Uint8Array,
): Uint8Array {
  const header = writeProtected(COSE_ALGORITHMS[by.algorithm].id, by);
  return tagged(TAG.sign1, [header, new Map(), payload, signature]);
}

async function signatureItem(
  payload: Uint8Array,
  signer: KeyStore,
  externalAad: Uint8Array,
): Promise<unknown> {
  const { publicKey } = signer;
  const header = writeProtected(COSE_ALGORITHMS[publicKey.algorithm].id, publicKey);
  const signature = await signer.sign(signedBytes('sign', EMPTY, header, externalAad, payload));
  return [header, new Map(), signature];
}

/** COSE_Sign, tagged: each signer covers the same payload and external data. */
export async function signMany(
  payload: Uint8Array,
  signers: readonly KeyStore[],
  externalAad: Uint8Array = EMPTY,
): Promise<Uint8Array> {
  const signatures: unknown[] = [];
  for (const signer of signers) signatures.push(await signatureItem(payload, signer, externalAad));
  return tagged(TAG.sign, [EMPTY, new Map(), payload, signatures]);
}

/** The same COSE_Sign with one more signature, behind those that it has. The message must be strict. */
export async function addSignature(
  message: CoseMessage,
  signer: KeyStore,
  externalAad: Uint8Array = EMPTY,
): Promise<Uint8Array> {
  const before = message.signatures.map(({ headers, signature }) => [
    headers.protectedBytes,
    new Map(),
    signature,
  ]);
  const added = await signatureItem(message.payload, signer, externalAad);
  return tagged(TAG.sign, [EMPTY, new Map(), message.payload, [...before, added]]);
}

function tagged(tag: number, fields: readonly unknown[]): Uint8Array {
  const item = encode(fields);
  const head = tag < 24 ? [0xc0 | tag] : [0xd8, tag];
  const whole = new Uint8Array(head.length + item.byteLength);
  whole.set(head);
  whole.set(item, head.length);
  return whole;
}
