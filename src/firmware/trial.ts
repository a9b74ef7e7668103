import { type Duration, orAborted, seconds, sentenceOf } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';

/** A thing that a firmware on trial must be able to do. */
export interface SelfCheck {
  /** "its broker", "the keyring". */
  readonly name: string;
  /** Undefined where it is well; else what is wrong. What it throws is wrong too. */
  look(signal: AbortSignal): Promise<string | undefined>;
}

export type TrialEnd =
  | { readonly is: 'proven' }
  | { readonly is: 'failed'; readonly why: string }
  /** Stopped from outside: the next start tries again. */
  | { readonly is: 'stopped' };

export interface TrialOptions {
  readonly checks: readonly SelfCheck[];
  readonly clock: Clock;
  /** All checks are well at once within this, or the trial has failed. */
  readonly limit: Duration;
  readonly signal: AbortSignal;
  /** Told what is waited for, whenever that changes. */
  readonly onWaits: (what: string) => void;
}

const EVERY = seconds(2);
const ONE_LOOK = seconds(30);

/** Whether this firmware may stay: asks all checks again and again until each of them is well, one round long. */
export async function runTrial({ checks, clock, limit, signal, onWaits }: TrialOptions): Promise<TrialEnd> {
  const end = clock.monotonic() + limit;
  let said = '';
  for (;;) {
    const wrong = await firstWrong(checks, clock, signal);
    if (signal.aborted) return { is: 'stopped' };
    if (wrong === undefined) return { is: 'proven' };
    if (wrong !== said) onWaits(wrong);
    said = wrong;
    if (clock.monotonic() >= end) return { is: 'failed', why: wrong };
    try {
      await clock.sleep(EVERY, signal);
    } catch {
      return { is: 'stopped' };
    }
  }
}

async function firstWrong(
  checks: readonly SelfCheck[],
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const check of checks) {
    if (signal.aborted) return undefined;
    const { name } = check;
    const deadline = clock.deadline(ONE_LOOK, `looking at ${name}`);
    try {
      const wrong = await orAborted(check.look(deadline.signal), deadline.signal);
      if (wrong !== undefined) return `${name}: ${wrong}`;
    } catch (error) {
      return `${name}: ${sentenceOf(error)}`;
    } finally {
      deadline.release();
    }
  }
  return undefined;
}
