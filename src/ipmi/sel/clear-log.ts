import { milliseconds, NsError, seconds } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { clearSel } from '../commands/clear-sel.ts';
import { reserveSel } from '../commands/reserve-sel.ts';

const EVERY = milliseconds(200);
const WITHIN = seconds(30);

/** Erases the event log and waits until it is erased. NS_IPMI_SEL where that does not come about in 30 s. */
export async function clearLog(carrier: Carrier, clock: Clock, signal: AbortSignal): Promise<void> {
  const reservation = await runCommand(carrier, reserveSel, undefined, signal);
  const end = clock.monotonic() + WITHIN;
  let { done } = await runCommand(carrier, clearSel, { reservation, what: 'erase' }, signal);
  while (!done) {
    if (clock.monotonic() >= end) {
      throw new NsError('NS_IPMI_SEL', 'the event log is still being erased', { retryable: true });
    }
    await clock.sleep(EVERY, signal);
    ({ done } = await runCommand(carrier, clearSel, { reservation, what: 'ask' }, signal));
  }
}
