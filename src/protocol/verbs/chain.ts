import * as v from 'valibot';
import { bytesOf, count, countUpTo, text } from '../fields.ts';

const word = countUpTo(0xffff_ffff);
const unitId = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const disk = text(64);

/** Units in one answer: what is left is asked for with `after`. */
export const UNITS_A_PAGE = 128;
/** Troubles, findings or updated units in one answer: those beyond are left out. */
export const MOST_LISTED = 64;

const trouble = v.strictObject({ code: text(64), sentence: text(), remedy: text() });
const troubles = v.pipe(v.array(trouble), v.maxLength(MOST_LISTED));

/** A register as read, and what is set in it. */
const register = v.strictObject({ raw: word, flags: v.pipe(v.array(text(32)), v.maxLength(32)) });

const unitNote = v.strictObject({
  unit: unitId,
  /** Units between it and the host. */
  position: v.optional(countUpTo(0xffff)),
  /** False where a link above it is down: the rest is what was known last. */
  heard: v.boolean(),
  drive: v.optional(
    v.strictObject({ model: text(40), serial: text(20), sectors: count, sectorSize: countUpTo(65_536) }),
  ),
  /** Generations 1 to 3; 0 where the link is down. */
  linkUp: countUpTo(15),
  linkDown: countUpTo(15),
  driveLink: countUpTo(15),
  dsi: register,
  csi: register,
  state: text(8),
  stateWords: text(128),
  epoch: word,
  version: word,
  /** What changed in this unit last, milliseconds after its power-on; `latest` of all in the chain, as the head heard it. */
  changed: v.strictObject({ what: text(64), afterMs: word, latest: v.boolean() }),
});

export const chainNote = v.strictObject({
  disk,
  chain: v.optional(unitId),
  state: text(8),
  stateWords: text(128),
  /** Of all drives that are heard. */
  sectors: count,
  /** What the host sees; 0 while it is shown nothing. */
  presentedSectors: count,
  sectorSize: countUpTo(65_536),
  held: v.boolean(),
  degraded: v.boolean(),
  /** Why the chain shows nothing, or less than it should. */
  trouble: troubles,
  array: v.optional(v.strictObject({ kind: text(32), state: text(32), sentence: text() })),
  unitCount: count,
  units: v.pipe(v.array(unitNote), v.maxLength(UNITS_A_PAGE)),
  /** Present where there are more units: ask again with `after`. */
  next: v.optional(count),
  findings: troubles,
  inStep: v.boolean(),
  /** What may be accepted as it is, by chain.sync with this id. */
  question: v.optional(v.strictObject({ id: bytesOf(8), sentence: text() })),
});

export const chainStatus = {
  args: v.strictObject({
    /** Which disk; all that are chains by default. */
    disk: v.optional(disk),
    /** From this unit on, counted from the host. */
    after: v.optional(count),
  }),
  result: v.strictObject({ chains: v.pipe(v.array(chainNote), v.maxLength(16)) }),
};

/** Brings the tables of all units in step now. */
export const chainSync = {
  args: v.strictObject({
    disk: v.optional(disk),
    action: v.optional(
      v.variant('do', [
        /** Look for all members anew. */
        v.strictObject({ do: v.literal('resync') }),
        /** What is there is the whole disk from now on. The id is that of the question which chain.status showed. */
        v.strictObject({ do: v.literal('accept'), question: bytesOf(8) }),
      ]),
    ),
    reason: v.optional(text()),
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    dryRun: v.boolean(),
    chains: v.pipe(
      v.array(
        v.strictObject({
          disk,
          inStep: v.boolean(),
          updatedCount: count,
          /** The first of those whose record was out of date. */
          updated: v.pipe(
            v.array(
              v.strictObject({ unit: unitId, position: v.optional(countUpTo(0xffff)), what: text(64) }),
            ),
            v.maxLength(MOST_LISTED),
          ),
          findings: troubles,
          /** What the action came to. */
          done: v.optional(text()),
        }),
      ),
      v.maxLength(16),
    ),
  }),
};
