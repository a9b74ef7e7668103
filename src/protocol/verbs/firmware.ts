import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, sha256, text } from '../fields.ts';

const slot = v.picklist(['a', 'b']);
const version = text(64);

/**
 * Writes an image of the device's own firmware to the slot that does not run, and starts it on trial. The order brings the
 * image's signed manifest, so that it is judged before a byte is sent; the bytes behind it come as those of a file do.
 */
export const agentUpdate = {
  args: v.strictObject({
    /** As it stands in the image. */
    manifest: bytesUpTo(4096),
    /** Of what follows the manifest in the image. */
    size: count,
    sha256,
    /** Say what would become of it, and write nothing. */
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    version,
    /** Which slot holds it. */
    slot,
    /**
     * "trying": it is written and was read back; the device restarts now and tries it, and agent.firmware says what became of
     * it. "running": it ran already, and nothing was done. "would-try": a dry run.
     */
    state: v.picklist(['trying', 'running', 'would-try']),
    /** What ran when this was answered, and where. */
    from: v.strictObject({ version, slot: v.picklist(['a', 'b', 'recovery']) }),
    dryRun: v.boolean(),
  }),
};

/** What a slot holds, as the boot record says. */
const slotNote = v.strictObject({
  slot,
  /** "trying": not proven yet. "bad": it did not prove itself, or was not whole when it was to be started. */
  state: v.picklist(['empty', 'trying', 'good', 'bad']),
  version: v.optional(version),
  rollback: v.optional(count),
  sha256: v.optional(sha256),
  /** Starts that one on trial has left. */
  left: v.optional(countUpTo(9)),
});

/** What the device's firmware is, and what became of the last update. */
export const agentFirmware = {
  args: v.strictObject({}),
  result: v.strictObject({
    board: text(63),
    /** Of the agent that answers. */
    version,
    running: v.picklist(['a', 'b', 'recovery']),
    slots: v.pipe(v.array(slotNote), v.length(2)),
    /** No image with a lower rollback index is accepted. */
    floor: count,
    /** A release takes nothing that the known test key has signed. */
    release: v.boolean(),
    /** The last update that was written whole; absent where there was none. */
    update: v.optional(
      v.strictObject({
        /** The id of its order. */
        order: bytesUpTo(16),
        version,
        slot,
        sha256,
        state: v.picklist(['trying', 'confirmed', 'rolled-back']),
        /** Why it was rolled back, or what the trial still waits for. */
        why: v.optional(text(500)),
      }),
    ),
  }),
};
