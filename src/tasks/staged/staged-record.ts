import * as v from 'valibot';
import {
  frameJson,
  REFUSALS,
  type RecordKind,
  type RefusalCode,
  type StoredCopy,
  storedCopy,
  unframeJson,
} from '../../base/index.ts';

/** Where own storage keeps what is known of staged orders beside the journal, in one document. */
export const STAGED_DOCUMENT = 'staged.orders';
/** How many orders may be staged at once. */
export const MOST_STAGED = 64;
/** How many that have ended are remembered. */
export const MOST_ENDED = 16;
/** Of the volumes that were last seen. */
export const MOST_SEEN = 64;

const KIND: RecordKind = { letters: 'NSST', largest: 1024 * 1024 };
const WORDS = 300;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const volume = v.strictObject({ id: text(256), name: text(128) });
const why = v.strictObject({
  code: v.custom<RefusalCode>((code) => typeof code === 'string' && Object.hasOwn(REFUSALS, code)),
  sentence: text(WORDS),
  remedy: text(WORDS),
});

const schema = v.strictObject({
  orders: v.pipe(
    v.array(
      v.strictObject({
        id,
        /** Running time since it was accepted, in milliseconds. */
        waited: whole,
        tries: whole,
        /** Its contents are here, whole. */
        fetched: v.boolean(),
        /** Absent while it is on its way for the first time. */
        why: v.optional(why),
        /** The volume that it is for, as it was when it was staged. */
        volume: v.optional(volume),
      }),
    ),
    v.maxLength(MOST_STAGED),
  ),
  /** The latest that have ended, oldest first. */
  ended: v.pipe(
    v.array(
      v.strictObject({
        id,
        verb: text(32),
        place: text(512),
        outcome: text(32),
        code: v.optional(text(64)),
      }),
    ),
    v.maxLength(MOST_ENDED),
  ),
  /** The host's volumes as they were seen last. */
  seen: v.pipe(
    v.array(
      v.strictObject({
        disk: text(64),
        name: text(128),
        type: text(32),
        label: text(256),
        uuid: text(128),
        size: whole,
        start: whole,
        readable: v.boolean(),
      }),
    ),
    v.maxLength(MOST_SEEN),
  ),
});

export type StagedRecord = v.InferOutput<typeof schema>;
export type StagedEntry = StagedRecord['orders'][number];
export type EndedEntry = StagedRecord['ended'][number];
export type SeenVolume = StagedRecord['seen'][number];
export type KnownVolume = v.InferOutput<typeof volume>;
export type WaitReason = v.InferOutput<typeof why>;

export const NO_RECORD: StagedRecord = { orders: [], ended: [], seen: [] };

export function encodeStaged(record: StagedRecord): Uint8Array {
  return frameJson(KIND, record);
}

export function decodeStaged(stored: Uint8Array | undefined): StoredCopy<StagedRecord> {
  return storedCopy(stored, (bytes) => unframeJson(KIND, bytes, schema));
}

/** As much of a refusal's words as is kept and told. */
export function shortReason({ code, sentence, remedy }: WaitReason): WaitReason {
  return { code, sentence: sentence.slice(0, WORDS), remedy: remedy.slice(0, WORDS) };
}
