import { hasCode, NsError, type Refusal, refusal, sentenceOf } from '../base/index.ts';
import { leaseRefusal } from '../bmc/index.ts';

/** Who ordered the task may no longer order it. */
class TaskWithdrawn extends NsError {
  readonly refusal: Refusal;

  constructor(why: Refusal) {
    super('NS_TASK_WITHDRAWN', why.sentence, { family: 'caller' });
    this.refusal = why;
  }
}

/** It was staged, and its time is over. */
class TaskWaitedLong extends NsError {
  readonly refusal: Refusal;

  constructor(why: Refusal) {
    super('NS_TASK_WAITED_LONG', why.sentence, { family: 'caller' });
    this.refusal = why;
  }
}

/** Why a task is asked to stop before its end; given as the reason of its abort signal. */
export const stopReasons = {
  cancelled: () => new NsError('NS_TASK_CANCELLED', 'the task was cancelled', { family: 'caller' }),
  deadline: (what: string) =>
    new NsError('NS_TASK_DEADLINE', `${what} did not end within its time`, { retryable: true }),
  noProgress: (what: string) =>
    new NsError('NS_TASK_NO_PROGRESS', `${what} made no progress for too long`, { retryable: true }),
  disabled: () => new NsError('NS_TASK_DISABLED', 'the machine was disabled', { family: 'caller' }),
  withdrawn: (why: Refusal) => new TaskWithdrawn(why),
  waitedLong: (why: Refusal) => new TaskWaitedLong(why),
  shutdown: () => new NsError('NS_TASK_SHUTDOWN', 'the agent is stopping', { retryable: true }),
} as const;

/** How a task ended. */
export type TaskEnd =
  | { readonly is: 'succeeded'; readonly result: unknown }
  | { readonly is: 'refused' | 'cancelled' | 'expired'; readonly refusal: Refusal }
  | {
      readonly is: 'failed' | 'unknown';
      readonly failure: { readonly code: string; readonly sentence: string };
    }
  /** Not an end: the task goes on at the next start. */
  | { readonly is: 'interrupted' }
  /** Not an end: it was staged, and goes on when what refuses it now is over. */
  | { readonly is: 'waits'; readonly refusal: Refusal };

/** An end for good: what a receipt says. */
export type TerminalEnd = Exclude<TaskEnd, { is: 'interrupted' | 'waits' }>;

/** The end that an exception means. `signal` is the task's: its reason explains errors that the abort caused. */
export function endOfError(error: unknown, signal: AbortSignal): TaskEnd {
  const why: unknown = signal.aborted ? signal.reason : error;
  if (hasCode(why, 'NS_TASK_SHUTDOWN')) return { is: 'interrupted' };
  if (hasCode(why, 'NS_TASK_CANCELLED')) return { is: 'cancelled', refusal: refusal('CANCELLED') };
  if (hasCode(why, 'NS_TASK_DISABLED')) {
    return { is: 'cancelled', refusal: refusal('DISABLED', 'The machine was disabled while the task ran.') };
  }
  if (why instanceof TaskWithdrawn) return { is: 'cancelled', refusal: why.refusal };
  if (why instanceof TaskWaitedLong) return { is: 'expired', refusal: why.refusal };
  const lost = leaseRefusal(why);
  return lost === undefined ? { is: 'failed', failure: failureOf(why) } : { is: 'refused', refusal: lost };
}

/** The outside of an exception: its code and sentence, never its stack. */
export function failureOf(error: unknown): { readonly code: string; readonly sentence: string } {
  const code = error instanceof NsError ? error.code : 'NS_INTERNAL';
  return { code, sentence: sentenceOf(error).slice(0, 1000) };
}

/** An effect that is recorded as done was found not to be on the disk as it should be. */
export function isSpoiled(error: unknown): error is NsError {
  return hasCode(error, 'NS_SAMPLE_DIFFERS') || hasCode(error, 'NS_SAMPLE_UNREADABLE');
}
