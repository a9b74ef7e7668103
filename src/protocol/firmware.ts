import * as v from 'valibot';
import { sha256 } from './fields.ts';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A part of a firmware image: what a partition of a slot is to hold. */
const part = v.strictObject({
  holds: v.picklist(['kernel', 'root', 'base', 'app']),
  /** Bytes. */
  size: v.pipe(whole, v.minValue(1)),
  sha256,
});

/** What a firmware image is, signed: its parts follow it in this order. */
export const firmwareManifest = v.strictObject({
  v: v.literal(1),
  /** The board that it is for, by its folder's name. */
  board: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/)),
  /** "1.4.0" (semver.org). */
  version: v.pipe(v.string(), v.regex(/^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}(-[0-9A-Za-z.-]{1,32})?$/)),
  /** Never lower than that of the firmware it replaces: raised where an older one must not come back. */
  rollback: v.pipe(whole, v.maxValue(0x7fff_ffff)),
  /** When its sources are from, seconds since 1970. */
  date: whole,
  parts: v.pipe(
    v.array(part),
    v.minLength(1),
    v.maxLength(4),
    v.check((list) => new Set(list.map(({ holds }) => holds)).size === list.length, 'a part is there twice'),
  ),
});

export type FirmwareManifest = v.InferOutput<typeof firmwareManifest>;
export type FirmwarePart = FirmwareManifest['parts'][number];
