import * as v from 'valibot';
import type { Channel } from '../ports/index.ts';
import { channelPlace } from './channel-place.ts';

const whole = v.pipe(v.number(), v.safeInteger());

export const boardName = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/));

/** A channel that orders may name. What the board does not list here does not exist for them. */
const enrolledChannel = v.strictObject({
  name: boardName,
  kind: v.picklist([
    'gpio',
    'temperature',
    'voltage',
    'fan',
    'led',
    'eeprom',
    'watchdog',
    'uart',
    'camera',
    'pwm',
    'i2c',
    'gnss',
  ]),
  readable: v.boolean(),
  writable: v.boolean(),
  unit: v.picklist(['m°C', 'mV', 'rpm', 'state', 'bytes', 'jpeg', 'nmea', 'ms', '%']),
  minimum: v.optional(whole),
  maximum: v.optional(whole),
  safe: v.optional(whole),
  /** A reading beyond these is shown as not well. */
  low: v.optional(whole),
  high: v.optional(whole),
  /** Of an eeprom: FRU data of a part (IPMI), or the SPD of a memory module (JEDEC). Told field by field then. */
  holds: v.optional(v.picklist(['fru', 'spd'])),
  /** Where Linux has it, on a board whose adapter is "linux". */
  at: v.optional(channelPlace),
});

export type EnrolledChannel = v.InferOutput<typeof enrolledChannel>;

const BYTES: readonly string[] = ['uart', 'eeprom'];

const lacksLimits = ({ writable, kind, minimum, maximum }: EnrolledChannel): boolean =>
  writable && !BYTES.includes(kind) && (minimum === undefined || maximum === undefined);

export const enrolledChannels = v.pipe(
  v.array(enrolledChannel),
  v.maxLength(256),
  v.check(
    (list) => new Set(list.map((c) => c.name)).size === list.length,
    ({ input }) =>
      `channel names must differ: ${input.find(({ name }, at) => input.findIndex((c) => c.name === name) < at)?.name} is there twice`,
  ),
  v.check(
    (list) => !list.some(lacksLimits),
    ({ input }) =>
      `${input.find(lacksLimits)?.name}: a channel that takes numbers needs a minimum and a maximum`,
  ),
);

/** A board's channels as the port wants them: what is not given is absent. */
export function boardChannels(board: { readonly channels: readonly EnrolledChannel[] }): readonly Channel[] {
  return board.channels.map(
    ({ name, kind, readable, writable, unit, minimum, maximum, safe, low, high, holds }) => ({
      name,
      kind,
      readable,
      writable,
      unit,
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
      ...(safe === undefined ? {} : { safe }),
      ...(low === undefined ? {} : { low }),
      ...(high === undefined ? {} : { high }),
      ...(holds === undefined ? {} : { holds }),
    }),
  );
}
