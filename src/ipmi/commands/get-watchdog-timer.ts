import { type Duration, milliseconds, seconds } from '../../base/index.ts';
import { type Command, NOTHING } from '../command.ts';
import { bit, nameOf } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import {
  COUNT_MS,
  decodeUses,
  PRE_TIMEOUT_INTERRUPT,
  type PreTimeoutInterrupt,
  useIn,
  WATCHDOG_ACTION,
  type WatchdogAction,
  type WatchdogUse,
} from './watchdog-timer.ts';

/** IPMI 2.0, 27.7. Undefined: a code that the specification keeps for later. */
export interface WatchdogTimer {
  readonly logs: boolean;
  readonly running: boolean;
  readonly use: WatchdogUse | undefined;
  readonly action: WatchdogAction | undefined;
  readonly preTimeoutInterrupt: PreTimeoutInterrupt | undefined;
  readonly preTimeout: Duration;
  /** The uses whose time ran out since their flags were last cleared. */
  readonly expired: readonly WatchdogUse[];
  readonly initial: Duration;
  /** Undefined where the BMC does not tell: some leave it out. */
  readonly left: Duration | undefined;
}

export const getWatchdogTimer: Command<void, WatchdogTimer> = {
  name: 'Get Watchdog Timer',
  netFn: NET_FN.app,
  code: 0x25,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const [use, actions] = [data.u8(0), data.u8(1)];
    return {
      logs: !bit(use, 7),
      running: bit(use, 6),
      use: useIn(use),
      action: nameOf(WATCHDOG_ACTION, actions & 7),
      preTimeoutInterrupt: nameOf(PRE_TIMEOUT_INTERRUPT, (actions >> 4) & 7),
      preTimeout: seconds(data.u8(2)),
      expired: decodeUses(data.u8(3)),
      initial: milliseconds(data.u16le(4) * COUNT_MS),
      left: data.length < 8 ? undefined : milliseconds(data.u16le(6) * COUNT_MS),
    };
  },
};
