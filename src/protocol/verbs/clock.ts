import * as v from 'valibot';
import { bytesOf, wallSeconds } from '../fields.ts';

/** What a device knows of time. */
export const clockNote = v.strictObject({
  /** What its wall clock says, right or wrong. */
  wall: wallSeconds,
  /** What has surely passed: the last signed time, and what the device has counted since. */
  surely: wallSeconds,
  /** Quote it in an order with maxAge, for freshness without a clock. */
  nonce: bytesOf(16),
});

/** Signed time: from now on it is not earlier than this. It only moves forward, and sets no wall clock. */
export const clockSet = {
  args: v.strictObject({
    at: wallSeconds,
    /** The step is larger than one person may make; the order is then one of two people. */
    farAhead: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    /** False where as much had surely passed already. */
    changed: v.boolean(),
    /** What had surely passed before; absent where a restart lies between. */
    before: v.optional(wallSeconds),
    surely: wallSeconds,
    wall: wallSeconds,
  }),
};
