import { asNsError, milliseconds, seconds } from '../../base/index.ts';
import type { Clock, LogSink, Stop, Watchdog } from '../../ports/index.ts';

/** What shows that the device really works: each is asked before every word to the watchdog. */
export interface LifeSigns {
  /** The host's power can be read: the board's own eyes are open. */
  readonly power: { read(signal: AbortSignal): Promise<unknown> };
  readonly desk: { makesProgress(): boolean };
}

const READ = seconds(5);

/**
 * Tells the watchdog that all is well four times within its time, as long as it is: an event loop that hangs, a board that
 * does not answer or a task that cannot be stopped lets it bite.
 */
export function keepPetted(watchdog: Watchdog, signs: LifeSigns, clock: Clock, log: LogSink): Stop {
  let asking = false;
  const pet = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    const deadline = clock.deadline(READ, 'reading the power state');
    try {
      await signs.power.read(deadline.signal);
      if (!signs.desk.makesProgress()) {
        log.log('error', 'watchdog.no-progress');
        return;
      }
      await watchdog.pet();
    } catch (error) {
      log.log('error', 'watchdog.not-petted', { error: asNsError(error, 'NS_WATCHDOG').message });
    } finally {
      deadline.release();
      asking = false;
    }
  };
  void pet();
  return clock.every(milliseconds(watchdog.timeout / 4), () => void pet());
}
