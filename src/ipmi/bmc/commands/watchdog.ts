import { seconds } from '../../../base/index.ts';
import { getWatchdogTimer } from '../../commands/get-watchdog-timer.ts';
import { resetWatchdogTimer } from '../../commands/reset-watchdog-timer.ts';
import { setWatchdogTimer } from '../../commands/set-watchdog-timer.ts';
import { PRE_TIMEOUT_INTERRUPT, useIn, WATCHDOG_ACTION } from '../../commands/watchdog-timer.ts';
import { bit, flag, le16, nameOf } from '../../wire/bits.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { OPERATOR_OR_HOST, serve, USER_OR_HOST, valid } from './serve.ts';
import type { Watchdog } from './watchdog-timer.ts';

/** Reset Watchdog Timer's own code: the timer was never set. */
const NEVER_SET = 0x80;
const USES = 0x3e;

/** IPMI 2.0, 27.5-27.7. A pre-timeout SMI is refused: no board of ours can raise one. */
export function watchdogCommands(watchdog: Watchdog): readonly BmcCommand[] {
  return [
    serve(resetWatchdogTimer, OPERATOR_OR_HOST, 0, () => {
      if (!watchdog.reset()) throw new Completion(NEVER_SET);
      return [];
    }),
    serve(setWatchdogTimer, OPERATOR_OR_HOST, 6, (data) => {
      const [uses, actions] = [data.u8(0), data.u8(1)];
      const action = nameOf(WATCHDOG_ACTION, actions & 7);
      const preTimeoutInterrupt = nameOf(PRE_TIMEOUT_INTERRUPT, (actions >> 4) & 7);
      const preTimeout = seconds(data.u8(2));
      const initial = data.u16le(4);
      valid(useIn(uses) !== undefined && action !== undefined);
      valid(preTimeoutInterrupt !== undefined && preTimeoutInterrupt !== 'smi');
      valid(preTimeoutInterrupt === 'none' || preTimeout <= initial * 100);
      const setting = {
        use: uses & 7,
        logs: !bit(uses, 7),
        action,
        preTimeoutInterrupt,
        preTimeout,
        initial,
      };
      watchdog.set(setting, bit(uses, 6), data.u8(3) & USES);
      return [];
    }),
    serve(getWatchdogTimer, USER_OR_HOST, 0, () => {
      const { setting, running, expired, left } = watchdog;
      if (setting === undefined) return [0, 0, 0, expired, 0, 0, 0, 0];
      const { use, logs, action, preTimeoutInterrupt, preTimeout, initial } = setting;
      return [
        use | flag(!logs, 7) | flag(running, 6),
        WATCHDOG_ACTION[action] | (PRE_TIMEOUT_INTERRUPT[preTimeoutInterrupt] << 4),
        preTimeout / 1000,
        expired,
        ...le16(initial),
        ...le16(left),
      ];
    }),
  ];
}
