import * as v from 'valibot';
import { allow, refuse, toHex, utf8, type Verdict } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { encode, NAME, parseMessage, readCbor } from '../protocol/index.ts';
import { checkSignature, inspectEnvelope, isStrict, parseCose, sign1, signerKeyId } from './cose.ts';
import { DESTRUCTIONS } from './destruction.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { verifyingKey } from './public-key.ts';

export const LARGEST_TOKEN = 512;
/** No budget is larger: what devices remember of an epoch is bounded by it. */
export const MAX_PER_EPOCH = 1024;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const tokenBody = v.strictObject({
  v: v.literal(1),
  /** Counted by whoever signs; each has a budget of its own. */
  epoch: whole,
  for: v.picklist(DESTRUCTIONS),
  /** From 1. Within an epoch and a kind no two tokens have the same. */
  n: v.pipe(whole, v.minValue(1), v.maxValue(MAX_PER_EPOCH)),
  /** The only device at which it can be used. */
  device: v.pipe(v.string(), v.regex(NAME)),
  /** When it was signed, seconds since 1970. */
  at: whole,
});

/** The right to one destructive order at one device. */
export type TokenBody = v.InferOutput<typeof tokenBody>;

export interface Token extends TokenBody {
  readonly governor: Enrolled;
  /** As it travels. */
  readonly packet: Uint8Array;
}

function tokenContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/token/${tenant}`);
}

export function signToken(token: TokenBody, governor: KeyStore, tenant: string): Promise<Uint8Array> {
  return sign1(encode(v.parse(tokenBody, token)).slice(), governor, tokenContext(tenant));
}

/** TOKEN_INVALID: no token, of another tenant, or not signed by an enrolled governor. Whether it may be used is for the budget to say. */
export function openToken(packet: Uint8Array, keyring: Keyring, tenant: string): Verdict<Token> {
  if (packet.byteLength > LARGEST_TOKEN) return invalid(`It is larger than ${LARGEST_TOKEN} bytes.`);
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return invalid(customs.refusal.sentence);
  const message = parseCose(packet);
  const keyId = message === undefined ? undefined : signerKeyId(message, 0);
  if (message?.form !== 'sign1' || keyId === undefined || !isStrict(message)) {
    return invalid('It is not a COSE_Sign1 with nothing but algorithm and key id in its header.');
  }
  const governor = keyring.lookup(keyId);
  if (governor?.role !== 'governor') {
    return invalid(`The key ${toHex(keyId)} is not that of an enrolled governor.`);
  }
  const externalAad = tokenContext(tenant);
  if (!checkSignature(message, 0, verifyingKey(governor.publicKey), { externalAad, strict: true })) {
    return invalid(`It is not signed by ${governor.name} for this tenant.`);
  }
  const item = readCbor(message.payload);
  if (!item.ok) return invalid(item.refusal.sentence);
  const shaped = parseMessage(tokenBody, item.value);
  if (!shaped.ok) return invalid(shaped.refusal.sentence);
  return allow({ ...shaped.value, governor, packet });
}

function invalid(sentence: string): Verdict<never> {
  return refuse('TOKEN_INVALID', sentence);
}
