import { seconds, sentenceOf } from '../base/index.ts';
import type { Deadline } from '../ports/index.ts';
import type { Order, Verb } from '../protocol/index.ts';
import type { HeldClaims } from './held-claims.ts';
import type { Journal } from './journal/index.ts';
import type { ResourceLocks } from './resource-lock.ts';
import type { TaskServices } from './services.ts';
import { failureOf, type TaskEnd } from './stop.ts';
import type { EffectFacts, EffectFate, TaskKind } from './task.ts';

/** Longest that looking at a target may take. */
const LOOKING = seconds(60);

export interface Fate {
  readonly fate: EffectFate;
  readonly facts?: EffectFacts;
}

interface Surroundings {
  readonly services: TaskServices;
  readonly journal: Journal;
  readonly locks: ResourceLocks;
}

/** How the task's effect stands by the journal alone. */
export function journaledFate(id: Uint8Array, { journal }: Pick<Surroundings, 'journal'>): Fate {
  const journaled = journal.get(id);
  const last = journaled?.intents.at(-1);
  if (journaled === undefined || last === undefined) return { fate: 'absent' };
  return { fate: journaled.stepsDone.has(last.step) ? 'done' : 'unknown', facts: last.what };
}

/** How it stands by the journal, else by looking at the target. Never throws: where a look fails, it is unknown. */
export async function fateOf<V extends Verb>(
  kind: TaskKind<V>,
  id: Uint8Array,
  surroundings: Surroundings,
): Promise<Fate> {
  const { services, locks } = surroundings;
  const journaled = journaledFate(id, surroundings);
  const { fate, facts } = journaled;
  if (fate !== 'unknown' || facts === undefined || kind.fate === undefined) return journaled;
  const waiting = services.clock.deadline(kind.deadline, `waiting to look for the effect of ${kind.verb}`);
  let looking: Deadline | undefined;
  let release: (() => void) | undefined;
  try {
    // No cancel ends this wait: the effect may be there.
    if (kind.fateOf !== undefined) release = await locks.claim(kind.fateOf, 'write', waiting.signal);
    looking = services.clock.deadline(LOOKING, `looking for the effect of ${kind.verb}`);
    return { fate: await kind.fate(facts, services, looking.signal), facts };
  } catch (error) {
    services.log.log('warn', 'effect-unseen', { verb: kind.verb, error: sentenceOf(error) });
    return journaled;
  } finally {
    waiting.release();
    looking?.release();
    release?.();
  }
}

/** What led to a task's effect: an order, and what the run of it has claimed. */
export interface EffectRun<V extends Verb> {
  readonly kind: TaskKind<V>;
  readonly order: Order<V>;
  readonly held: HeldClaims;
  /** It was told to stop and goes on regardless: nothing that it may have is waited for. */
  readonly goesOn: boolean;
  /** Why it ended, where it did. */
  readonly error?: unknown;
}

/** The end of a task whose effect began: never a second try. */
export async function endOfFate<V extends Verb>(
  { kind, order, held, goesOn, error }: EffectRun<V>,
  { fate, facts }: Fate,
  services: TaskServices,
): Promise<TaskEnd> {
  if (fate !== 'done' || facts === undefined || kind.resultOf === undefined)
    return unknownEnd(kind.verb, error);
  const waiting = services.clock.deadline(kind.deadline, `waiting to answer for ${kind.verb}`);
  const claim = async (name: string): Promise<boolean> => {
    if (goesOn) return false;
    if (held.has(name)) return true;
    return await held.claim(name, 'write', waiting.signal).then(
      () => true,
      () => false,
    );
  };
  try {
    return { is: 'succeeded', result: await kind.resultOf(order, facts, services, claim) };
  } catch (cause) {
    return unknownEnd(kind.verb, cause);
  } finally {
    waiting.release();
  }
}

function unknownEnd(verb: string, error?: unknown): TaskEnd {
  const why = error === undefined ? '' : `: ${failureOf(error).sentence}`;
  const sentence = `${verb} was interrupted and it cannot be told whether it took effect${why}`.slice(
    0,
    1000,
  );
  return { is: 'unknown', failure: { code: 'NS_TASK_UNKNOWN', sentence } };
}
