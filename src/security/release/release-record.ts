import * as v from 'valibot';
import { frameJson, fromHex, type RecordKind, toHex, unframeJson } from '../../base/index.ts';
import { CHALLENGE_BYTES } from './challenge.ts';

/** What outlives a restart of asking for a release. */
export interface ReleaseRecord {
  /** Of the lock that this is about. */
  readonly lockVersion: number;
  /** What is shown; absent where it is used up, or none was asked for yet. */
  readonly challenge?: Uint8Array | undefined;
  /** Wrong answers to this challenge. */
  readonly wrong: number;
  /** Wrong answers since the machine was locked: these make the next one wait. */
  readonly wrongSoFar: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.strictObject({
  lockVersion: count,
  challenge: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]+$/), v.length(CHALLENGE_BYTES * 2))),
  wrong: count,
  wrongSoFar: count,
});
const KIND: RecordKind = { letters: 'NSRE', largest: 1024 };

export function encodeReleaseRecord({ challenge, ...counts }: ReleaseRecord): Uint8Array {
  return frameJson(KIND, { ...counts, ...(challenge === undefined ? {} : { challenge: toHex(challenge) }) });
}

/** Undefined where it is not whole. */
export function decodeReleaseRecord(bytes: Uint8Array): ReleaseRecord | undefined {
  const stored = unframeJson(KIND, bytes, schema);
  if (stored === undefined) return undefined;
  const { challenge, ...counts } = stored;
  return { ...counts, ...(challenge === undefined ? {} : { challenge: fromHex(challenge) }) };
}
