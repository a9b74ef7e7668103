import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { allow, NsError, refuse, utf8, type Verdict } from '../base/index.ts';
import type { KeyStore, PublicKey } from '../ports/index.ts';
import { encode, GRANT_BYTES, NAME, parseMessage, readCbor } from '../protocol/index.ts';
import {
  type CoseMessage,
  checkSignature,
  inspectEnvelope,
  isStrict,
  parseCose,
  sign1,
  signerKeyId,
} from './cose.ts';
import { MAX_SCOPES, plainText } from './keyring-document.ts';
import { verifyingKey } from './public-key.ts';
import { scope } from './scope.ts';

/** A right that is passed on ends by itself, this long after it was signed at the latest. Seconds. */
export const LONGEST_GRANT = 31 * 24 * 3600;

const wallSeconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const bytesOf = (length: number) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength === length,
    `must be ${length} bytes`,
  );

const grantBody = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  id: bytesOf(16),
  /** The public key that gets the right. */
  to: v.pipe(v.string(), v.maxLength(128)),
  name: plainText,
  person: plainText,
  /** What of the giver's own right is passed on. */
  scopes: v.pipe(v.array(scope), v.minLength(1), v.maxLength(MAX_SCOPES)),
  notBefore: v.optional(wallSeconds),
  notAfter: wallSeconds,
  /** When it was signed. It is good for nothing before. */
  at: wallSeconds,
  /** How often it may be passed on further. */
  again: v.picklist([0, 1]),
  /** SHA-256 of the grant that is passed on, where the giver has the right by a grant himself. */
  of: v.optional(bytesOf(32)),
});

/** What one key passes on to another. */
export type Grant = v.InferOutput<typeof grantBody>;

function grantContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/grant/${tenant}`);
}

/** What a grant further down names this one by. */
export function grantHash(packet: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(packet).digest());
}

/** A grant that nobody has judged yet: read, and not believed. */
export interface UnverifiedGrant {
  readonly grant: Grant;
  /** By which key it says to be signed. */
  readonly giver: Uint8Array;
  readonly message: CoseMessage;
}

/** DELEGATION_INVALID names the first fault. Its signature is for isGrantBy to judge. */
export function readGrant(packet: Uint8Array): Verdict<UnverifiedGrant> {
  if (packet.byteLength > GRANT_BYTES) return badGrant(`A grant has more than ${GRANT_BYTES} bytes.`);
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return badGrant(customs.refusal.sentence);
  const message = parseCose(packet);
  const giver = message === undefined ? undefined : signerKeyId(message);
  if (message?.form !== 'sign1' || giver === undefined || !isStrict(message)) {
    return badGrant('A grant is not a COSE_Sign1 with nothing but algorithm and key id in its header.');
  }
  const item = readCbor(message.payload, { maxDepth: 6 });
  if (!item.ok) return badGrant(item.refusal.sentence);
  const shaped = parseMessage(grantBody, item.value);
  if (!shaped.ok) return badGrant(shaped.refusal.sentence);
  const grant = shaped.value;
  const wrong = faultIn(grant);
  return wrong === undefined ? allow({ grant, giver, message }) : badGrant(wrong);
}

/** Whether a grant is signed by this key, for this tenant. */
export function isGrantBy({ message }: UnverifiedGrant, key: PublicKey, tenant: string): boolean {
  return checkSignature(message, 0, verifyingKey(key), { externalAad: grantContext(tenant), strict: true });
}

/** Seals a grant. NS_GRANT_INVALID where every device would refuse it. */
export async function signGrant(grant: Grant, giver: KeyStore): Promise<Uint8Array> {
  const packet = await sign1(encode(grant).slice(), giver, grantContext(grant.tenant));
  const read = readGrant(packet);
  if (read.ok) return packet;
  throw new NsError('NS_GRANT_INVALID', read.refusal.sentence, { family: 'caller' });
}

function faultIn({ notBefore, notAfter, at }: Grant): string | undefined {
  if (notAfter <= Math.max(at, notBefore ?? 0)) return 'A grant ends before it begins.';
  if (notAfter - at > LONGEST_GRANT) {
    return `A grant is for more than ${LONGEST_GRANT / 86_400} days from when it was signed.`;
  }
  return undefined;
}

export function badGrant(sentence: string): Verdict<never> {
  return refuse('DELEGATION_INVALID', sentence);
}
