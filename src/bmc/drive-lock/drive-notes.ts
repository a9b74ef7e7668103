import * as v from 'valibot';
import {
  equalBytes,
  frameJson,
  fromHex,
  type RecordKind,
  type StoredCopy,
  storedCopy,
  toHex,
  unframeJson,
} from '../../base/index.ts';
import { DRIVE_SECRET_BYTES } from './drive-password.ts';

/**
 * A password that was given to a drive, or was about to be: noted before the drive hears of it. "opened": this device has taken it
 * away again, or found it gone. "refused": the drive said that it is wrong, and is never asked again.
 */
export interface DriveNote {
  readonly serial: string;
  /** The nth password for a drive of this serial number. */
  readonly n: number;
  readonly is: 'armed' | 'opened' | 'refused';
  /** How often it was tried since it last counted as right, each counted before it was sent. */
  readonly tries: number;
}

/** What this device must not lose while a drive is locked. */
export interface DriveNotes {
  readonly secret: Uint8Array;
  readonly notes: readonly DriveNote[];
}

/** Names of the two copies in the state store, and of the one beside the lock's witness. */
export const DRIVE_DOCUMENTS = ['drive-lock-a', 'drive-lock-b'] as const;
export const DRIVE_WITNESS = 'drive-lock';

export const MOST_NOTES = 64;
const KIND: RecordKind = { letters: 'NSDL', largest: 16_384 };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.strictObject({
  secret: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  notes: v.pipe(
    v.array(
      v.strictObject({
        serial: v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,20}$/)),
        n: count,
        is: v.picklist(['armed', 'opened', 'refused']),
        tries: count,
      }),
    ),
    v.maxLength(MOST_NOTES),
  ),
});

export function encodeDriveNotes({ secret, notes }: DriveNotes): Uint8Array {
  return frameJson(KIND, { secret: toHex(secret), notes });
}

export function decodeDriveNotes(stored: Uint8Array | undefined): StoredCopy<DriveNotes> {
  return storedCopy(stored, (bytes) => {
    const found = unframeJson(KIND, bytes, schema);
    return found && { secret: fromHex(found.secret), notes: found.notes };
  });
}

/**
 * What the copies say together, the more trusted first. Of two secrets the one counts whose password may be on a drive: a device that
 * came up without its copies made a new one; copies of the other are left out. Nothing
 * that one copy knows is lost by another that is older: a password that may be on a drive stays noted. "damaged": there was something,
 * and nothing of it is whole; it must not be written over.
 */
export function judgeDriveNotes(copies: readonly StoredCopy<DriveNotes>[]): StoredCopy<DriveNotes> {
  const whole = copies.flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []));
  const first = whole.find(({ notes }) => notes.some(({ is }) => is !== 'opened')) ?? whole[0];
  if (first === undefined || first.secret.byteLength !== DRIVE_SECRET_BYTES) {
    return { is: copies.every(({ is }) => is === 'absent') ? 'absent' : 'damaged' };
  }
  const notes = new Map<string, DriveNote>();
  for (const copy of whole) {
    if (!equalBytes(copy.secret, first.secret)) continue;
    for (const note of copy.notes) {
      const key = `${note.n} ${note.serial}`;
      const known = notes.get(key);
      notes.set(key, known === undefined ? note : later(known, note));
    }
  }
  return { is: 'whole', record: { secret: first.secret, notes: roomFor([...notes.values()], 0) ?? [] } };
}

/** What was opened was never armed again under the same number. */
function later(a: DriveNote, b: DriveNote): DriveNote {
  const is = ORDER.find((one) => a.is === one || b.is === one) ?? a.is;
  return { ...a, is, tries: Math.max(a.tries, b.tries) };
}
const ORDER = ['opened', 'refused', 'armed'] as const;

/** Without as many of the oldest opened ones as there is no room for; undefined where that is not enough. */
export function roomFor(notes: readonly DriveNote[], more: number): readonly DriveNote[] | undefined {
  let over = notes.length + more - MOST_NOTES;
  const kept = notes.filter((note) => {
    // The newest number of a serial is kept: the next one counts on from it.
    const newer = notes.some(({ serial, n }) => serial === note.serial && n > note.n);
    if (over <= 0 || note.is !== 'opened' || !newer) return true;
    over -= 1;
    return false;
  });
  if (over <= 0) return kept;
  return more > 0 ? undefined : kept.slice(-MOST_NOTES);
}
