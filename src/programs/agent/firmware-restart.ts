import { equalBytes, milliseconds, minutes, seconds } from '../../base/index.ts';
import type { Clock, LogSink } from '../../ports/index.ts';
import type { Desk, TaskTable } from '../../tasks/index.ts';

const EVERY = milliseconds(250);
/** For the broker to take the receipt; without a network it is sent at the next start. */
const TOLD = seconds(20);
/** For other tasks to end by themselves; after that they stop where they are, and go on at the next start. */
const QUIET = minutes(10);

export interface RestartSurroundings {
  readonly desk: Pick<Desk, 'onEvent' | 'untold'>;
  readonly tasks: Pick<TaskTable, 'rows'>;
  readonly clock: Clock;
  readonly log: LogSink;
}

/**
 * Resolves when the board may restart for the update that this order has written: its receipt is signed and stored, the broker
 * has it or cannot be reached, and no other task runs, or they have taken long enough.
 */
export async function whenQuiet(
  order: Uint8Array,
  { desk, tasks, clock, log }: RestartSurroundings,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = desk.onEvent((event) => {
      if (event.kind !== 'receipt' || !equalBytes(event.id, order)) return;
      stop();
      resolve();
    });
    signal.addEventListener(
      'abort',
      () => {
        stop();
        reject(signal.reason);
      },
      { once: true },
    );
  });
  const wait = async (holds: () => boolean, longest: number): Promise<void> => {
    const end = clock.monotonic() + longest;
    while (holds() && clock.monotonic() < end) await clock.sleep(EVERY, signal);
  };
  await wait(() => desk.untold().some(({ id }) => equalBytes(id, order)), TOLD);
  const others = () => tasks.rows().filter((row) => row.state === 'running').length;
  if (others() > 0) log.log('info', 'firmware.restart-waits', { tasks: others() });
  await wait(() => others() > 0, QUIET);
}
