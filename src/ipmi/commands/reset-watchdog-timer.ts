import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 27.5: starts the countdown, or starts it anew. */
export const resetWatchdogTimer: Command<void, void> = {
  name: 'Reset Watchdog Timer',
  netFn: NET_FN.app,
  code: 0x22,
  level: 'operator',
  repeatable: true,
  codes: { 128: 'the watchdog was never set' },
  encode: () => NOTHING,
  decode: () => undefined,
};
