import * as v from 'valibot';
import { NsError } from '../../base/index.ts';
import { decode, encode } from '../../protocol/index.ts';

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array);
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What the journal says, one record a frame. */
const journalRecord = v.variant('r', [
  /** The order is ours: it will be answered. */
  v.strictObject({
    r: v.literal('received'),
    id: bytes,
    packet: bytes,
    hash: bytes,
    at: whole,
    iss: bytes,
    /** Under which the counter is kept, where it is not the issuer. */
    window: v.optional(bytes),
    ctr: whole,
  }),
  /** An effect is about to begin; `what` is enough to look at the target afterwards. */
  v.strictObject({
    r: v.literal('intent'),
    id: bytes,
    step: whole,
    what: v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), bytes])),
  }),
  /** The effect of this step is there, wholly. */
  v.strictObject({ r: v.literal('step-done'), id: bytes, step: whole }),
  /** The effect of this step did not happen, wholly. */
  v.strictObject({ r: v.literal('step-void'), id: bytes, step: whole }),
  /** The one terminal answer. Stands alone: it repeats what is needed once the received record is gone. */
  v.strictObject({ r: v.literal('done'), id: bytes, hash: bytes, receipt: bytes, seq: whole }),
  /** The broker has the answers to these. */
  v.strictObject({ r: v.literal('told'), ids: v.array(bytes) }),
  /** Which counters were used, for all orders that the journal no longer holds. */
  v.strictObject({ r: v.literal('freshness'), state: bytes }),
]);

export type JournalRecord = v.InferOutput<typeof journalRecord>;
export type IntentRecord = Extract<JournalRecord, { r: 'intent' }>;
export type DoneRecord = Extract<JournalRecord, { r: 'done' }>;
export type ReceivedRecord = Extract<JournalRecord, { r: 'received' }>;

export function encodeRecord(record: JournalRecord): Uint8Array {
  return encode(record);
}

/** NS_JOURNAL_DAMAGED where a frame with a right checksum holds something else: written by other software. */
export function decodeRecord(payload: Uint8Array): JournalRecord {
  let value: unknown;
  try {
    value = decode(payload);
  } catch (cause) {
    throw new NsError('NS_JOURNAL_DAMAGED', 'a journal record cannot be decoded', { family: 'peer', cause });
  }
  const parsed = v.safeParse(journalRecord, value);
  if (!parsed.success) {
    throw new NsError(
      'NS_JOURNAL_DAMAGED',
      `a journal record is not one of ours: ${parsed.issues[0].message}`,
      { family: 'peer' },
    );
  }
  return parsed.output;
}
