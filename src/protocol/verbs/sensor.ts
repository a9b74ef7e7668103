import * as v from 'valibot';
import { count, integer, text } from '../fields.ts';

/** Sensors in one answer: those beyond are left out, and counted. */
export const MOST_SENSORS = 64;

/** All that the board measures, by one order. */
export const sensorRead = {
  args: v.strictObject({}),
  result: v.strictObject({
    sensors: v.pipe(
      v.array(
        v.strictObject({
          name: text(64),
          kind: text(32),
          unit: text(16),
          /** A whole number in the unit; absent where the sensor gave none, and then `fault` says why. */
          value: v.optional(integer),
          fault: v.optional(text(256)),
          /** A value below `low`, or above `high`, is not well; absent where the board knows no such limit. */
          low: v.optional(integer),
          high: v.optional(integer),
        }),
      ),
      v.maxLength(MOST_SENSORS),
    ),
    /** Sensors that had no room in the answer. */
    left: count,
  }),
};
