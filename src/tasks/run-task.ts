import { allow, type Duration, milliseconds, refusal, seconds, type Verdict } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import type { Order, Verb } from '../protocol/index.ts';
import type { AdmittedOrder, TaskEvent } from './desk.ts';
import type { OrderStanding } from './desk-options.ts';
import { endOfFate, fateOf, journaledFate } from './effect-fate.ts';
import { HeldClaims } from './held-claims.ts';
import type { Journal } from './journal/index.ts';
import type { ResourceLocks } from './resource-lock.ts';
import type { TaskServices } from './services.ts';
import { endOfError, isSpoiled, stopReasons, type TaskEnd } from './stop.ts';
import type { EffectFacts, TaskContext, TaskKind } from './task.ts';
import type { TaskRow } from './task-table.ts';

export interface RunEnvironment {
  readonly services: TaskServices;
  readonly journal: Journal;
  readonly locks: ResourceLocks;
  readonly emit: (event: TaskEvent) => void;
  readonly stands?: OrderStanding | undefined;
  /** Whether an order that was taken in is still in time. */
  readonly inTime: (order: Order) => Verdict<void>;
}

/** Longest that a task may take to stop once it was asked to. */
const STOPPING = seconds(10);

/**
 * Runs one task to its end. Invariants: the signal aborts at the deadline or after too long without progress; an
 * effect that began and did not report its end is looked at, never repeated blindly; every claim is released.
 */
export async function runTask<V extends Verb>(
  kind: TaskKind<V>,
  admitted: AdmittedOrder,
  environment: RunEnvironment,
  row: TaskRow,
  stopping: AbortController,
  part: 'run' | 'prepare' = 'run',
): Promise<TaskEnd> {
  const { services } = environment;
  const order = admitted.order as Order<V>;
  const held = new HeldClaims(environment.locks);
  const before = await fateOf(kind, order.id, environment);
  if (before.fate !== 'absent') {
    const found = { kind, order, held, goesOn: false };
    return endOfFate(found, before, services).finally(() => held.releaseAll());
  }
  const watch = new TaskWatch(kind.verb, kind.deadline, kind.noProgress, services.clock, stopping);
  const context = makeContext(admitted, environment, row, stopping.signal, watch, held);
  let running = true;
  try {
    const begun: Promise<Verdict<unknown>> =
      part === 'run'
        ? kind.run(order, context)
        : (kind.prepare?.(order, context) ?? Promise.resolve(allow(undefined)));
    const run = begun.finally(() => {
      running = false;
    });
    return endOfVerdict(await settled(run, stopping.signal, services.clock, kind.verb));
  } catch (error) {
    const end = endOfError(error, stopping.signal);
    // Recorded as done, and spoiled all the same: no look would make a success of it.
    if (end.is === 'interrupted' || isSpoiled(error)) return end;
    // A task that goes on regardless keeps its claims and may still act: what a look found now would not last.
    const after = running ? journaledFate(order.id, environment) : await fateOf(kind, order.id, environment);
    if (after.fate === 'absent') return end;
    return await endOfFate({ kind, order, held, goesOn: running, error }, after, services);
  } finally {
    watch.release();
    held.releaseAll();
  }
}

function endOfVerdict(verdict: Verdict<unknown>): TaskEnd {
  return verdict.ok
    ? { is: 'succeeded', result: verdict.value }
    : { is: 'refused', refusal: verdict.refusal };
}

/** Ends with the task, or some time after it was told to stop: a task that does not listen cannot hold its slot. */
async function settled<T>(run: Promise<T>, signal: AbortSignal, clock: Clock, what: string): Promise<T> {
  // Made only for a task that is told to stop: a signal costs as much as a small task.
  let calm: AbortController | undefined;
  let onAbort = () => {};
  const overdue = new Promise<never>((_, reject) => {
    onAbort = () => {
      calm = new AbortController();
      clock.sleep(STOPPING, calm.signal).then(
        () => reject(stopReasons.deadline(`${what}, asked to stop,`)),
        () => {},
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([run, overdue]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    calm?.abort('settled');
  }
}

/** The two clocks over a task: total time, and time since it last made progress. */
class TaskWatch {
  readonly #stopTotal: Stop;
  readonly #stopIdle: Stop;
  readonly #clock: Clock;
  #lastProgress: number;
  #paused = 0;

  constructor(verb: Verb, deadline: Duration, noProgress: Duration, clock: Clock, stopping: AbortController) {
    this.#clock = clock;
    this.#stopTotal = clock.every(deadline, () => stopping.abort(stopReasons.deadline(verb)));
    this.#lastProgress = clock.monotonic();
    this.#stopIdle = clock.every(milliseconds(noProgress / 4), () => {
      const idle = clock.monotonic() - this.#lastProgress;
      if (this.#paused === 0 && idle >= noProgress) stopping.abort(stopReasons.noProgress(verb));
    });
  }

  touch(): void {
    this.#lastProgress = this.#clock.monotonic();
  }

  /** Waiting for another task is no lack of progress; the total time still runs. */
  async pausedFor<T>(wait: Promise<T>): Promise<T> {
    this.#paused += 1;
    try {
      return await wait;
    } finally {
      this.#paused -= 1;
      this.touch();
    }
  }

  release(): void {
    this.#stopTotal();
    this.#stopIdle();
  }
}

function makeContext(
  admitted: AdmittedOrder,
  { services, journal, locks, emit, stands }: RunEnvironment,
  row: TaskRow,
  signal: AbortSignal,
  watch: TaskWatch,
  held: HeldClaims,
): TaskContext {
  const { id } = admitted.order;
  let seq = 0;
  const progress = (stage: string, done: number, total?: number, unit?: string) => {
    watch.touch();
    row.stage = stage;
    row.done = done;
    if (total !== undefined) row.total = total;
    // The receipt says "all of it", and only once that is durable.
    if (total !== undefined && done >= total) return;
    seq += 1;
    const body = { id, seq, stage, done };
    emit({
      kind: 'progress',
      body: { ...body, ...(total === undefined ? {} : { total }), ...(unit === undefined ? {} : { unit }) },
    });
  };
  const begin = async (facts: EffectFacts) => {
    signal.throwIfAborted();
    const step = journal.get(id)?.nextStep ?? 0;
    await journal.append({ r: 'intent', id, step, what: facts });
    watch.touch();
    return (went: 'done' | 'absent') =>
      journal.append({ r: went === 'done' ? 'step-done' : 'step-void', id, step });
  };
  return {
    services,
    id,
    issuer: admitted.issuer,
    ...(stands === undefined ? {} : { grantedPaths: () => stands.paths(admitted) }),
    signal,
    progress,
    sample(stage, done, value) {
      watch.touch();
      seq += 1;
      emit({ kind: 'progress', body: { id, seq, stage, done, sample: value } });
    },
    offer(body) {
      watch.touch();
      emit({ kind: 'offer', body: { id, ...body } });
    },
    tryClaim: (name) => (services.staged?.keeps(name) === true ? undefined : locks.tryClaim(name)),
    async claim(name, mode) {
      row.stage = `waiting for ${name}`;
      return await watch.pausedFor(held.claim(name, mode, signal));
    },
    begin,
    async effect(facts, act) {
      const ended = await begin(facts);
      const verdict = await act();
      await ended(verdict.ok ? 'done' : 'absent');
      return verdict;
    },
  };
}

/** Declined before it ran. */
export function expiredEnd(): TaskEnd {
  return { is: 'expired', refusal: refusal('EXPIRED', 'The order expired before its turn came.') };
}
