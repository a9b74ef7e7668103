import * as v from 'valibot';
import { crc32c, fromHex, fromUtf8, toHex, utf8 } from '../../base/index.ts';
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
const LARGEST = 1024;

/** CRC-32C of the body in eight digits, a blank, the body in JSON. */
export function encodeReleaseRecord({ challenge, ...counts }: ReleaseRecord): Uint8Array {
  const shown = challenge === undefined ? {} : { challenge: toHex(challenge) };
  const body = JSON.stringify({ ...counts, ...shown });
  return utf8(`${crc32c(utf8(body)).toString(16).padStart(8, '0')} ${body}`);
}

/** Undefined where it is not whole. */
export function decodeReleaseRecord(bytes: Uint8Array): ReleaseRecord | undefined {
  const text = bytes.byteLength > LARGEST ? undefined : fromUtf8(bytes);
  const body = text?.slice(9);
  if (text === undefined || body === undefined) return undefined;
  if (text.slice(0, 9) !== `${crc32c(utf8(body)).toString(16).padStart(8, '0')} `) return undefined;
  try {
    const { challenge, ...counts } = v.parse(schema, JSON.parse(body));
    return { ...counts, ...(challenge === undefined ? {} : { challenge: fromHex(challenge) }) };
  } catch {
    return undefined;
  }
}
