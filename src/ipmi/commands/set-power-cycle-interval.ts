import type { Duration } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 28.9: how long the power stays off in a power cycle; whole seconds up to 255, 0 for no longer than it must. */
export const setPowerCycleInterval: Command<Duration, void> = {
  name: 'Set Power Cycle Interval',
  netFn: NET_FN.chassis,
  code: 0x0b,
  level: 'administrator',
  repeatable: true,
  encode: (interval) =>
    Uint8Array.of(within(Math.round(interval / 1000), 0, 0xff, 'the interval in seconds')),
  decode: () => undefined,
};
