import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, text } from '../fields.ts';

/** Byte addresses for dram, LBAs for storage. */
const range = v.strictObject({ start: count, length: count });

export const memoryCheck = {
  args: v.strictObject({
    medium: v.picklist(['dram', 'spd', 'storage']),
    /** dram: which test; both by default, in this order. */
    algorithms: v.optional(v.pipe(v.array(v.picklist(['mats+', 'march-c-'])), v.maxLength(2))),
    /** dram: byte ranges; storage: LBA ranges. All that can be reached by default. */
    ranges: v.optional(v.pipe(v.array(range), v.maxLength(64))),
    /** storage: which disk. */
    disk: v.optional(text(64)),
  }),
  result: v.strictObject({
    medium: v.picklist(['dram', 'spd', 'storage']),
    algorithms: v.array(text(32)),
    covered: v.array(range),
    /** Hundredths of a percent of all there is of this medium, 0 to 10000: what was not reached is not covered. */
    coveredBasisPoints: countUpTo(10_000),
    /** The first errors, at most 256, in the order found. */
    errors: v.pipe(
      v.array(
        v.strictObject({
          /** Byte address, LBA, or slot index for spd. */
          at: count,
          slot: v.optional(text(64)),
          what: text(),
          expected: v.optional(bytesUpTo(8)),
          actual: v.optional(bytesUpTo(8)),
        }),
      ),
      v.maxLength(256),
    ),
    /** All errors found, also those not listed. */
    errorCount: count,
    /** What was not checked, and why. */
    notReached: v.array(v.strictObject({ what: text(), why: text() })),
    modules: v.array(
      v.strictObject({
        slot: text(64),
        populated: v.boolean(),
        type: v.optional(text(32)),
        bytes: v.optional(count),
        partNumber: v.optional(text(64)),
        serial: v.optional(text(64)),
        crcOk: v.optional(v.boolean()),
      }),
    ),
  }),
};
