import type { Duration } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { flag, le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import {
  COUNT_MS,
  encodeUses,
  PRE_TIMEOUT_INTERRUPT,
  type PreTimeoutInterrupt,
  WATCHDOG_ACTION,
  WATCHDOG_USE,
  type WatchdogAction,
  type WatchdogUse,
} from './watchdog-timer.ts';

/** IPMI 2.0, 27.6. The timer starts with the next Reset Watchdog Timer. */
export interface WatchdogSettings {
  readonly use: WatchdogUse;
  readonly action: WatchdogAction;
  /** To the tenth of a second, up to 6553.5 s. */
  readonly initial: Duration;
  /** A running timer goes on. */
  readonly keepRunning?: boolean;
  readonly logs?: boolean;
  readonly preTimeoutInterrupt?: PreTimeoutInterrupt;
  /** Whole seconds, up to 255. */
  readonly preTimeout?: Duration;
  /** Uses whose flag of expiration is to be cleared. */
  readonly clear?: readonly WatchdogUse[];
}

export const setWatchdogTimer: Command<WatchdogSettings, void> = {
  name: 'Set Watchdog Timer',
  netFn: NET_FN.app,
  code: 0x24,
  level: 'operator',
  repeatable: true,
  encode: (s) =>
    Uint8Array.of(
      WATCHDOG_USE[s.use] | flag(s.logs === false, 7) | flag(s.keepRunning === true, 6),
      WATCHDOG_ACTION[s.action] | (PRE_TIMEOUT_INTERRUPT[s.preTimeoutInterrupt ?? 'none'] << 4),
      within(Math.round((s.preTimeout ?? 0) / 1000), 0, 0xff, 'the pre-timeout in seconds'),
      encodeUses(s.clear ?? []),
      ...le16(within(Math.round(s.initial / COUNT_MS), 0, 0xffff, 'the countdown in tenths of a second')),
    ),
  decode: () => undefined,
};
