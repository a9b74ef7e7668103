import * as v from 'valibot';
import { count, orderId, sha256 } from '../fields.ts';

/**
 * Shows the host an image as a disk at its USB port, which it cannot write to, for its next start: it is taken away when
 * the host has been up and is down again, and when the machine is disabled. The bytes come as those of a file do.
 */
export const mediaOffer = {
  args: v.strictObject({
    /** Whole sectors of 512 bytes. */
    size: count,
    sha256,
    /** Say whether it could be offered, and offer nothing. */
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({ size: count, sha256, dryRun: v.boolean() }),
};

/** Takes away what is offered; nothing to do where nothing is. */
export const mediaWithdraw = {
  args: v.strictObject({
    /** Say what is offered, and leave it. */
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    /** What was offered when the order was obeyed. */
    offer: v.optional(
      v.strictObject({
        /** By which order. */
        order: orderId,
        size: count,
        sha256,
        /** Whether the host has been up since. */
        started: v.boolean(),
        /** Whether the host could see it. */
        shown: v.boolean(),
      }),
    ),
    dryRun: v.boolean(),
  }),
};
