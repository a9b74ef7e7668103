import * as v from 'valibot';
import {
  anyBytes,
  bytesUpTo,
  count,
  countUpTo,
  keyId,
  LIMITS,
  name,
  orderId,
  sha256,
  text,
  traceparent,
  wallSeconds,
} from './fields.ts';
import type { ArgsOf, Verb } from './verbs/index.ts';

export const PROTOCOL_VERSION = 1;

/** A signed grant of one key to another. */
export const GRANT_BYTES = 4096;

/** Whom an order is for: one device, or all of a group. */
export const audience = v.variant('to', [
  v.strictObject({ to: v.literal('device'), name }),
  v.strictObject({ to: v.literal('group'), name }),
]);

/** The signed map of an order, before its arguments are judged by the verb's schema. */
export const orderBody = v.strictObject({
  v: count,
  id: orderId,
  aud: audience,
  verb: text(64),
  args: v.unknown(),
  /** Key id of the signer; must equal the envelope's. */
  iss: keyId,
  /** Per issuer, each order another; higher is newer. */
  ctr: v.pipe(count, v.minValue(1)),
  nbf: v.optional(wallSeconds),
  exp: v.optional(wallSeconds),
  /** Instead of exp: a nonce that the device gave out, and how many seconds after that the order is good. */
  nonce: v.optional(anyBytes),
  maxAge: v.optional(countUpTo(86_400)),
  /** The effect hash that was approved; the run must reproduce it. */
  effect: v.optional(sha256),
  /** Of a destructive order: the numbered token out of the fleet's budget that it uses up. */
  token: v.optional(bytesUpTo(LIMITS.token)),
  /** Where the operator traces orders: comes back in progress and receipt, and decides nothing. Older devices refuse it. */
  trace: v.optional(traceparent),
  /** How the first signer came by a right that the keyring gives to somebody else: signed grants, the keyring's key first. */
  grants: v.optional(v.pipe(v.array(bytesUpTo(GRANT_BYTES)), v.minLength(1), v.maxLength(2))),
});

/** The grants of a body that nobody has judged: to be looked at for who signed it, and not to be believed. */
export function grantsOf(body: unknown): readonly Uint8Array[] | undefined {
  if (typeof body !== 'object' || body === null || !('grants' in body)) return undefined;
  const parsed = v.safeParse(orderBody.entries.grants, body.grants);
  return parsed.success ? parsed.output : undefined;
}

export type OrderBody = v.InferOutput<typeof orderBody>;
export type Audience = v.InferOutput<typeof audience>;

/** An order whose verb is known and whose arguments have the right shape. */
export type Order<V extends Verb = Verb> = {
  [K in V]: Omit<OrderBody, 'verb' | 'args'> & { readonly verb: K; readonly args: ArgsOf<K> };
}[V];
