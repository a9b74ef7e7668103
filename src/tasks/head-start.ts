import { milliseconds } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import { type Job, runTraced } from './job.ts';
import type { RunEnvironment } from './run-task.ts';
import { stopReasons, type TerminalEnd } from './stop.ts';

/** How long a pure task may keep its order off stable storage. */
const PURE_HEAD_START = milliseconds(25);

interface QuickEnd {
  readonly end: TerminalEnd;
  readonly power: Awaited<ReturnType<typeof runTraced>>['power'];
}

/**
 * Runs a task that only looks, before its order is stored. Undefined where it is not quick: then it is dropped here, to be run
 * again behind its journaled order.
 */
export async function withHeadStart(
  job: Job,
  environment: RunEnvironment,
  clock: Clock,
): Promise<QuickEnd | undefined> {
  const run = runTraced(job, environment);
  let stopTimer: Stop = () => {};
  const late = new Promise<undefined>((resolve) => {
    stopTimer = clock.every(PURE_HEAD_START, () => resolve(undefined));
  });
  const ended = await Promise.race([run, late]);
  stopTimer();
  if (ended !== undefined && ended.end.is !== 'interrupted' && ended.end.is !== 'waits') {
    return { end: ended.end, power: ended.power };
  }
  job.stopping.abort(stopReasons.shutdown());
  run.catch(() => {});
  return undefined;
}
