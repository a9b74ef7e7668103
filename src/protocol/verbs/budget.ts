import * as v from 'valibot';
import { count, countUpTo, text } from '../fields.ts';

/** As many as an epoch can have; see security/token. */
const MAX_LIMIT = 1024;
const limits = { lock: countUpTo(MAX_LIMIT), wipe: countUpTo(MAX_LIMIT) };

/** What a device knows of the fleet's budget for destructive orders. */
export const budgetNote = v.strictObject({
  /** Of the latest change; 0: as the device's configuration says. */
  version: count,
  /** How many destructive orders an epoch has room for, the whole fleet together. */
  inForce: v.strictObject(limits),
  /** A raise that waits. */
  pending: v.optional(v.strictObject({ ...limits, secondsLeft: count })),
  /** The newest epoch of which this device has seen a token. */
  epoch: v.optional(count),
  /** How many numbers of that epoch it has seen in use. */
  used: v.strictObject(limits),
  /** Epochs that are worth nothing any more: somebody signed one number twice. */
  forked: v.array(count),
  /** Names of those whose tokens count. */
  governors: v.array(text(64)),
  /** Files that one key may remove or replace in a day without a token, and the most that one has. */
  plain: v.strictObject({ limit: count, used: count }),
  /** The stored budget was not whole: nothing is left of it until two people give a new one. */
  damaged: v.boolean(),
});

export const budgetRead = { args: v.strictObject({}), result: budgetNote };

/** Down at once, up after a day of the device's running time. */
export const budgetUpdate = {
  args: v.strictObject({
    version: v.pipe(count, v.minValue(1)),
    ...limits,
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({ changed: v.boolean(), dryRun: v.boolean(), budget: budgetNote }),
};
