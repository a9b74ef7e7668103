import * as v from 'valibot';
import { count, countUpTo, keyId, orderId, refusalMessage, text, wallSeconds } from '../fields.ts';

/** The longest that an order may be staged: 31 days of the device's running time. */
export const LONGEST_STAGED = 31 * 86_400;
/** How many staged orders one answer tells of. */
export const STAGED_A_PAGE = 16;

/**
 * An order that may not be obeyed now, and may be later, waits on the device for so many seconds of its running time: 7 days
 * where it does not say. Absent: such an order is refused.
 */
export const stage = v.strictObject({
  seconds: v.optional(v.pipe(countUpTo(LONGEST_STAGED), v.minValue(1))),
});

export const stagedList = {
  args: v.strictObject({
    /** Goes on after this order, from the answer before. */
    after: v.optional(orderId),
  }),
  result: v.strictObject({
    /** In the order in which they were accepted. */
    orders: v.array(
      v.strictObject({
        id: orderId,
        verb: text(32),
        /** [VOLUME:]/PATH; a long one is cut. */
        place: text(512),
        /** Bytes of the contents that it brings. */
        size: v.optional(count),
        issuer: keyId,
        receivedAt: wallSeconds,
        /** Running: it is being fetched, tried or ended right now. */
        state: v.picklist(['waiting', 'running']),
        /** What it waits for, or last waited for. */
        waits: v.optional(refusalMessage),
        /** How often the disk was asked. */
        tries: count,
        /** Running time that is left to it. */
        leftSeconds: count,
      }),
    ),
    /** The latest that have ended, oldest first; the journal may remember their receipts. */
    ended: v.array(
      v.strictObject({
        id: orderId,
        verb: text(32),
        place: text(512),
        outcome: text(32),
        code: v.optional(text(64)),
      }),
    ),
    /** Bytes that contents of staged orders take, and may take. */
    room: v.strictObject({ used: count, bytes: count }),
    next: v.optional(orderId),
  }),
};
