import * as v from 'valibot';
import { count, text } from '../fields.ts';
import { powerState } from './machine.ts';

/** How many volumes one answer tells of. */
export const VOLUMES_A_PAGE = 64;

const why = v.strictObject({ code: text(64), sentence: text(), remedy: text() });

/** "stale": only where the order allows that the host may hold newer contents. `why` where it is not a plain yes. */
const verdict = v.strictObject({
  may: v.picklist(['yes', 'stale', 'no']),
  why: v.optional(why),
});

/** One volume, and what may be done with it now. */
const volumeVerdict = v.strictObject({
  disk: text(64),
  /** "disk0p2" */
  name: text(128),
  type: text(32),
  label: text(128),
  uuid: text(64),
  /** Bytes from the start of the disk, and in all. */
  start: count,
  size: count,
  /** Bytes in use, where the filesystem says so. */
  used: v.optional(count),
  read: verdict,
  write: verdict,
  notes: v.array(text()),
});

export const volumeList = {
  args: v.strictObject({
    /** Goes on after this volume, from the answer before. */
    after: v.optional(text(128)),
  }),
  result: v.strictObject({
    power: powerState,
    disks: v.array(
      v.strictObject({
        name: text(64),
        size: count,
        sectorSize: count,
        scheme: v.picklist(['gpt', 'mbr', 'none']),
        /** What is odd about the partition table. */
        notes: v.array(text()),
        /** Why nothing of this disk can be looked at, where that is so: a drive that is locked, say. */
        why: v.optional(why),
      }),
    ),
    volumes: v.array(volumeVerdict),
    /** What on any disk says that the host may be asleep with filesystems in use. */
    evidence: v.array(
      v.strictObject({
        volume: text(128),
        finding: v.picklist(['hibernated', 'unknown', 'hidden']),
        what: text(),
      }),
    ),
    next: v.optional(text(128)),
  }),
};
