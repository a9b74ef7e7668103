import * as v from 'valibot';
import {
  anyBytes,
  bootId,
  bytesOf,
  count,
  countUpTo,
  integer,
  keyId,
  orderId,
  refusalMessage,
  sha256,
  text,
  traceparent,
  wallSeconds,
} from './fields.ts';
import { lockNote, powerState } from './verbs/machine.ts';

const head = { v: count, device: text(64), boot: bootId };

/**
 * Where the device's audit log stands: how many entries it has had, and its chain's hash after the last. Whoever keeps
 * this can tell later whether the log was cut short, rewritten or put back. Older devices do not say.
 */
export const auditHead = v.strictObject({ seq: count, hash: sha256 });

/** Somebody whose signature the device found on the order, as its keyring had them then. */
const asker = v.strictObject({
  key: keyId,
  /** "tom for olga" where olga passed her right on. */
  name: text(256),
  person: v.optional(text(64)),
  role: text(32),
  /** The keys through which a right was passed on, the keyring's own first. */
  through: v.optional(v.pipe(v.array(keyId), v.maxLength(2))),
});

/** Published at connect and as a heartbeat; an `offline` one is left with the broker as the will. */
export const presence = v.strictObject({
  ...head,
  event: v.literal('presence'),
  state: v.picklist(['online', 'offline']),
  uptimeSeconds: count,
  version: text(32),
  board: text(64),
  power: powerState,
  lock: v.picklist(['enabled', 'disabled']),
  /** Quote it in an order with maxAge, for freshness without a clock. */
  nonce: bytesOf(16),
  audit: v.optional(auditHead),
});

/** The order is journaled and will get exactly one receipt. */
export const accepted = v.strictObject({ ...head, event: v.literal('accepted'), id: orderId });

/** Rate-limited. `done` never reaches `total` before the result is durable. */
export const progress = v.strictObject({
  ...head,
  event: v.literal('progress'),
  id: orderId,
  /** Counts up within a task. */
  seq: count,
  stage: text(64),
  done: count,
  total: v.optional(count),
  unit: v.optional(text(16)),
  /** As the order has it. */
  trace: v.optional(traceparent),
  /** A sample of io.watch. */
  sample: v.optional(v.union([integer, anyBytes])),
});

/** An upload is ready: ask for its chunks. */
export const offer = v.strictObject({
  ...head,
  event: v.literal('offer'),
  id: orderId,
  size: count,
  chunk: countUpTo(96 * 1024),
  inode: count,
  mtime: integer,
});

/** The order, with all that it brings, is kept on the device and waits; nothing of it is on the host's disk. */
export const staged = v.strictObject({
  ...head,
  event: v.literal('staged'),
  id: orderId,
  waits: refusalMessage,
  /** Running time of the device that is left to it. */
  leftSeconds: count,
});

/** A packet that never became an order: not authentic, not for us, not in shape. Rate-limited. */
export const rejected = v.strictObject({
  ...head,
  event: v.literal('rejected'),
  /** SHA-256 of the packet. */
  packet: sha256,
  id: v.optional(orderId),
  refusal: refusalMessage,
  /** For whoever signed an authentic order: the same order that quotes this is not judged by any wall clock. */
  nonce: v.optional(bytesOf(16)),
});

export const outcome = v.picklist(['succeeded', 'failed', 'refused', 'cancelled', 'expired', 'unknown']);

/** The device's statement of what was asked, by whom, and what was done. Exactly one for each accepted order. */
export const receipt = v.strictObject({
  ...head,
  event: v.literal('receipt'),
  id: orderId,
  verb: text(64),
  /** SHA-256 of the order's packet as received. */
  order: sha256,
  issuer: keyId,
  /** All who signed, the issuer first; absent where the order could no longer be judged. */
  askers: v.optional(v.pipe(v.array(asker), v.maxLength(8))),
  /** As the order has it. */
  trace: v.optional(traceparent),
  outcome,
  /** For refused, cancelled and expired. */
  refusal: v.optional(refusalMessage),
  /** For failed and unknown. */
  failure: v.optional(v.strictObject({ code: text(64), sentence: text(), remedy: v.optional(text()) })),
  /** For succeeded, by the verb's result schema; may stand beside a refusal where part was done. */
  result: v.optional(v.unknown()),
  /** From before the task to after it: milliseconds since the order was received, and the state from then on. */
  power: v.array(v.strictObject({ at: count, state: powerState, certain: v.boolean() })),
  lock: v.optional(lockNote),
  /** By the controller's wall clock, which may be wrong: see `clock`. */
  receivedAt: wallSeconds,
  tookMs: count,
  /** What stands beside the wall clock: a time that had surely passed, and milliseconds since this `boot` began. */
  clock: v.optional(v.strictObject({ floor: wallSeconds, upMs: count })),
  /** As the receipt was signed; the entry of this order itself, where it has one, is in it. */
  audit: v.optional(auditHead),
  /** Receipts of one device form a chain: number, and SHA-256 of the receipt before (zeros for the first). */
  seq: count,
  prev: sha256,
});

export const deviceEvent = v.variant('event', [
  presence,
  accepted,
  progress,
  offer,
  staged,
  rejected,
  receipt,
]);

export type DeviceEvent = v.InferOutput<typeof deviceEvent>;
export type Presence = v.InferOutput<typeof presence>;
export type Progress = v.InferOutput<typeof progress>;
export type Offer = v.InferOutput<typeof offer>;
export type StagedNote = v.InferOutput<typeof staged>;
export type Rejected = v.InferOutput<typeof rejected>;
export type Receipt = v.InferOutput<typeof receipt>;
export type Outcome = v.InferOutput<typeof outcome>;
