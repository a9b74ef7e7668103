import { refusal, seconds } from '../base/index.ts';
import { PowerTrace } from '../bmc/index.ts';
import type { PowerState } from '../ports/index.ts';
import type { Verb } from '../protocol/index.ts';
import type { AdmittedOrder } from './desk.ts';
import { surroundingsOf } from './order-surroundings.ts';
import { expiredEnd, type RunEnvironment, runTask } from './run-task.ts';
import type { TaskServices } from './services.ts';
import { endOfError, type TaskEnd } from './stop.ts';
import type { TaskKind } from './task.ts';
import type { TaskRow } from './task-table.ts';

const POWER_READ = seconds(2);

/** One order on its way through the desk. */
export interface Job {
  readonly admitted: AdmittedOrder;
  readonly kind: TaskKind<Verb>;
  readonly row: TaskRow;
  readonly stopping: AbortController;
  /** Wall clock, whole seconds. */
  readonly receivedAt: number;
  /** Monotonic. */
  readonly begun: number;
}

export interface TracedEnd {
  readonly end: TaskEnd;
  readonly power: ReturnType<PowerTrace['soFar']>;
}

export function makeJob(
  admitted: AdmittedOrder,
  kind: TaskKind<Verb>,
  receivedAt: number,
  services: TaskServices,
): Job {
  const { order } = admitted;
  return {
    admitted,
    kind,
    row: { id: order.id, verb: order.verb, issuer: order.iss, state: 'accepted' },
    stopping: new AbortController(),
    receivedAt,
    begun: services.clock.monotonic(),
  };
}

/** Runs the job's task with the host's power recorded from before it to after it. Never rejects. */
export async function runTraced(job: Job, surroundings: RunEnvironment): Promise<TracedEnd> {
  const environment = surroundingsOf(surroundings, job.admitted.order);
  const { clock, power } = environment.services;
  const trace = new PowerTrace(power, clock);
  const look = async <T>(read: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const deadline = clock.deadline(POWER_READ, 'reading the power state');
    try {
      return await read(deadline.signal);
    } finally {
      deadline.release();
    }
  };
  await look((signal) => trace.start(signal));
  const state = trace.soFar().at(-1)?.state ?? 'unknown';
  const end = await run(job, environment, state).catch((error: unknown) =>
    endOfError(error, job.stopping.signal),
  );
  return { end, power: await look((signal) => trace.stop(signal)) };
}

async function run(job: Job, environment: RunEnvironment, power: PowerState): Promise<TaskEnd> {
  const { order } = job.admitted;
  const began = (environment.journal.get(order.id)?.intents.length ?? 0) > 0;
  const { lockout, staged } = environment.services;
  job.stopping.signal.throwIfAborted();
  // What began must be brought to its end, whatever has changed since.
  if (!began && !job.kind.whileDisabled && !lockout.enabled)
    return { is: 'refused', refusal: refusal('DISABLED') };
  const waiting = staged?.has(order.id) === true ? staged : undefined;
  // One that can only wait now is judged by the state in which it can go on.
  const at = waiting === undefined || power === 'S5' || power === 'G3' ? power : 'later';
  const standing = began ? undefined : environment.stands?.begins(job.admitted, at);
  if (standing?.ok === false) return { is: 'refused', refusal: standing.refusal };
  if (waiting !== undefined) {
    return waiting.attempt(job, environment, { power, began });
  }
  if (!began && job.kind.pace === 'queued') {
    const timely = environment.inTime(order);
    if (!timely.ok && timely.refusal.code === 'EXPIRED') return expiredEnd();
  }
  return runTask(job.kind, job.admitted, environment, job.row, job.stopping);
}
