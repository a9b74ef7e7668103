import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, integer, text } from '../fields.ts';

const channelName = text(64);
/** A whole number in the channel's unit, or bytes (uart, camera, gnss). */
const value = v.union([integer, bytesUpTo(48 * 1024)]);

export const ioList = {
  args: v.strictObject({}),
  result: v.strictObject({
    channels: v.array(
      v.strictObject({
        name: channelName,
        kind: text(32),
        unit: text(16),
        readable: v.boolean(),
        writable: v.boolean(),
        minimum: v.optional(integer),
        maximum: v.optional(integer),
        safe: v.optional(integer),
      }),
    ),
  }),
};

/** What the bytes say, read by the device: of a peer that is not trusted, and beside the bytes, not in their place. */
const contents = v.strictObject({
  /** How they are laid out. */
  as: v.picklist(['fru', 'spd', 'nmea']),
  fields: v.pipe(v.array(v.strictObject({ name: text(64), value: text(256) })), v.maxLength(96)),
  /** What is damaged, missing or left out, a sentence each. */
  problems: v.pipe(v.array(text(256)), v.maxLength(16)),
});

export const ioRead = {
  args: v.strictObject({ channel: channelName }),
  result: v.strictObject({
    channel: channelName,
    unit: text(16),
    value,
    contents: v.optional(contents),
  }),
};

export const ioWrite = {
  args: v.strictObject({
    channel: channelName,
    value: v.union([integer, bytesUpTo(4096)]),
    dryRun: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    channel: channelName,
    unit: text(16),
    before: v.optional(value),
    after: v.optional(value),
    dryRun: v.boolean(),
  }),
};

/** Samples come as progress events while the watch runs; the result sums up. */
export const ioWatch = {
  args: v.strictObject({
    channel: channelName,
    seconds: v.optional(countUpTo(3600)),
    samples: v.optional(countUpTo(10_000)),
  }),
  result: v.strictObject({
    channel: channelName,
    unit: text(16),
    samples: count,
    /** The last samples, at most 256: milliseconds since the watch began, and the value. */
    last: v.pipe(v.array(v.strictObject({ at: count, value })), v.maxLength(256)),
    dropped: count,
  }),
};
