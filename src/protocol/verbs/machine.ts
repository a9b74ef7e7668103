import * as v from 'valibot';
import { anyBytes, bootId, count, keyId, orderId, sha256, text, wallSeconds } from '../fields.ts';
import { clockNote } from './clock.ts';

export const powerState = v.picklist(['S0', 'S3', 'S4', 'S5', 'G3', 'unknown']);

export const powerNote = v.strictObject({
  state: powerState,
  certain: v.boolean(),
  /** How the state came out of its sources; older devices do not say. */
  fusion: v.optional(v.picklist(['agreed', 'contradiction', 'ambiguous', 'missing'])),
  sources: v.record(v.string(), v.string()),
});

/** The lock in force, as the device itself has stored it. */
export const lockNote = v.strictObject({
  state: v.picklist(['enabled', 'disabled']),
  /** Raised by each change, so that a stale order can be told. */
  version: count,
  since: v.optional(wallSeconds),
  by: v.optional(keyId),
  reason: v.optional(text()),
  /** What is held right now; what is asked for but not held is missing here. */
  inForce: v.array(v.picklist(['power-button-masked', 'drive-held'])),
  /** How deep, the outermost first; older devices do not say. */
  levels: v.optional(
    v.array(
      v.strictObject({
        level: v.picklist(['power', 'boot', 'disk']),
        wanted: v.boolean(),
        /** As read back; "cannot": this board has nothing to hold it with. */
        inForce: v.picklist(['yes', 'partly', 'no', 'cannot']),
        /** What holds, and what does not. */
        detail: text(),
        /** Who gets past it even while it is in force. */
        defeatedBy: text(),
      }),
    ),
  ),
});

export const machineStatus = {
  args: v.strictObject({}),
  result: v.strictObject({
    device: text(64),
    board: text(64),
    version: text(32),
    boot: bootId,
    uptimeSeconds: count,
    power: powerNote,
    lock: lockNote,
    disks: v.array(
      v.strictObject({
        name: text(64),
        position: v.picklist(['host', 'ours', 'held', 'unknown']),
        /** Who holds it now, where someone does. */
        holder: v.optional(text()),
        /** How long the present holders have had it, and when the last of their leases ends by itself. */
        heldForMs: v.optional(count),
        leaseLeftMs: v.optional(count),
        handBackMs: count,
      }),
    ),
    tasks: v.strictObject({ running: count, queued: count }),
    /** Older devices do not say. */
    clock: v.optional(clockNote),
    /** What this device cannot do right now, each with its reason. */
    limits: v.array(text()),
    /** What the programs that work on host disks are kept from. Older devices do not say. */
    toolConfinement: v.optional(
      v.strictObject({
        holds: v.array(text(64)),
        missing: v.array(v.strictObject({ part: text(64), why: text() })),
      }),
    ),
  }),
};

export const machineDisable = {
  args: v.strictObject({ reason: v.optional(text()), dryRun: v.optional(v.boolean()) }),
  result: v.strictObject({ lock: lockNote, changed: v.boolean() }),
};

export const machineEnable = {
  args: v.strictObject({ reason: v.optional(text()), dryRun: v.optional(v.boolean()) }),
  result: v.strictObject({ lock: lockNote, changed: v.boolean() }),
};

export const taskState = v.picklist([
  'received',
  'accepted',
  'running',
  'succeeded',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'unknown',
]);

export const taskList = {
  args: v.strictObject({}),
  result: v.strictObject({
    tasks: v.array(
      v.strictObject({
        id: orderId,
        verb: text(32),
        state: taskState,
        issuer: keyId,
        stage: v.optional(text()),
        done: v.optional(count),
        total: v.optional(count),
      }),
    ),
  }),
};

/** A cancel is a request: the task's own receipt says how it ended. */
export const taskCancel = {
  args: v.strictObject({ task: orderId }),
  result: v.strictObject({ task: orderId, asked: v.boolean(), state: taskState }),
};

export const auditRead = {
  args: v.strictObject({ from: v.optional(count), limit: v.optional(count) }),
  result: v.strictObject({
    /** SHA-256 chain head after the last entry given. */
    head: anyBytes,
    /** The chain's hash that the first entry given carries on; older devices do not say. */
    before: v.optional(sha256),
    entries: v.array(
      v.strictObject({ seq: count, at: wallSeconds, event: text(64), by: v.optional(keyId), detail: text() }),
    ),
    next: v.optional(count),
  }),
};
