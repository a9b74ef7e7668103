import * as v from 'valibot';
import type { Channel } from '../ports/index.ts';

const channelKind = v.picklist([
  'gpio',
  'temperature',
  'voltage',
  'fan',
  'led',
  'watchdog',
  'uart',
  'camera',
  'gnss',
]);
const whole = v.pipe(v.number(), v.safeInteger());
const name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/));

/** A channel that orders may name. What the board does not list here does not exist for them. */
const enrolledChannel = v.strictObject({
  name,
  kind: channelKind,
  readable: v.boolean(),
  writable: v.boolean(),
  unit: v.picklist(['m°C', 'mV', 'rpm', 'state', 'bytes', 'jpeg', 'nmea', 'ms']),
  minimum: v.optional(whole),
  maximum: v.optional(whole),
  safe: v.optional(whole),
});

/** What a board is and how it is wired: data only, kept as boards/<name>/board.json. */
export const boardDescription = v.strictObject({
  name,
  /** One line for people. */
  title: v.pipe(v.string(), v.maxLength(120)),
  /** How what is written here is known: tried on the thing, tried in an emulator, simulated, or only read about. */
  evidence: v.picklist(['silicon', 'emulated', 'simulated', 'described']),
  /** The longest that handing a disk back to a waking host may take, in milliseconds. */
  handBackMs: v.pipe(whole, v.minValue(100), v.maxValue(60_000)),
  /** How long a host that was let wake may take to show as awake, in milliseconds. */
  wakeSettleMs: v.pipe(whole, v.minValue(1000), v.maxValue(600_000)),
  channels: v.pipe(
    v.array(enrolledChannel),
    v.maxLength(256),
    v.check((list) => new Set(list.map((c) => c.name)).size === list.length, 'channel names must differ'),
    v.check(
      (list) =>
        list.every(
          (c) => !c.writable || c.kind === 'uart' || (c.minimum !== undefined && c.maximum !== undefined),
        ),
      'a channel that takes numbers needs a minimum and a maximum',
    ),
  ),
  /** Host paths that no order may change; each covers all below it. */
  protectedPaths: v.pipe(v.array(v.pipe(v.string(), v.startsWith('/'), v.maxLength(4096))), v.maxLength(256)),
});

export type BoardDescription = v.InferOutput<typeof boardDescription>;

/** The board's channels as the port wants them: what is not given is absent. */
export function boardChannels(board: BoardDescription): readonly Channel[] {
  return board.channels.map(({ minimum, maximum, safe, ...channel }) => ({
    ...channel,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(safe === undefined ? {} : { safe }),
  }));
}
