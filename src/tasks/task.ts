import type { Duration, Verdict } from '../base/index.ts';
import type { Offer, Order, ResultOf, Verb } from '../protocol/index.ts';
import type { Issuer } from './desk.ts';
import type { IntentRecord } from './journal/index.ts';
import type { ClaimMode } from './resource-lock.ts';
import type { TaskServices } from './services.ts';

/** Facts about an effect, enough to look at the target after a restart. */
export type EffectFacts = IntentRecord['what'];

/** What is known of an effect that began and whose end was not recorded. */
export type EffectFate =
  /** Wholly absent: the task may run again. */
  | 'absent'
  /** Wholly there. */
  | 'done'
  | 'unknown';

/** What a running task has in hand. */
export interface TaskContext {
  readonly services: TaskServices;
  readonly id: Uint8Array;
  readonly issuer: Issuer;
  /** Whether the grants of all who signed cover a place on the volume that the order names. Undefined: all places. */
  readonly grantedPaths?: () => ((path: string) => Verdict<void>) | undefined;
  /** Aborts at the deadline, without progress for too long, on cancel, on shutdown. */
  readonly signal: AbortSignal;
  /** Counts as progress against the no-progress deadline; published at a limited rate. */
  readonly progress: (stage: string, done: number, total?: number, unit?: string) => void;
  readonly sample: (stage: string, done: number, value: number | Uint8Array) => void;
  readonly offer: (body: Omit<Offer, 'v' | 'device' | 'boot' | 'event' | 'id'>) => void;
  /** Waits for a resource; held until the task ends or the release is called. */
  readonly claim: (name: string, mode: ClaimMode) => Promise<() => void>;
  /** Takes a resource that nobody holds or waits for, to be released by the caller. */
  readonly tryClaim: (name: string) => (() => void) | undefined;
  /**
   * Journals the intent, acts, journals how that went: done, or, for a refusal, wholly absent. An act that throws leaves
   * the effect to `fate`. At most one effect of a task may succeed.
   */
  readonly effect: <T>(facts: EffectFacts, act: () => Promise<Verdict<T>>) => Promise<Verdict<T>>;
  /** The same in two halves, for an act that learns its facts on its way: the intent now, how it went later. */
  readonly begin: (facts: EffectFacts) => Promise<(went: 'done' | 'absent') => Promise<void>>;
}

/**
 * Takes a resource alone until the task is answered. False where it cannot be had: then what belongs to it is neither
 * looked at nor cleared away.
 */
export type ClaimToAnswer = (name: string) => Promise<boolean>;

/** A kind of task: one verb, its limits, and what it does. */
export interface TaskKind<V extends Verb> {
  readonly verb: V;
  /** Instant: answered at once, beside the queue. Queued: at most a few run, the rest wait. */
  readonly pace: 'instant' | 'queued';
  /** Reads only and holds nothing: may run before its order is on stable storage. */
  readonly pure: boolean;
  readonly whileDisabled: boolean;
  readonly deadline: Duration;
  readonly noProgress: Duration;
  run(order: Order<V>, context: TaskContext): Promise<Verdict<ResultOf<V>>>;
  /** What a staged order does before it waits: all that needs no disk. Its runs after that need nobody but the host. */
  prepare?(order: Order<V>, context: TaskContext): Promise<Verdict<void>>;
  /** The resource that `fate` looks at: it is claimed meanwhile. */
  readonly fateOf?: string;
  /** Looks at the target of an effect that began and did not report its end. Without it the fate is unknown. */
  fate?(facts: EffectFacts, services: TaskServices, signal: AbortSignal): Promise<EffectFate>;
  /** The result of an effect whose fate is done, from its facts. Other tasks are at work meanwhile. */
  resultOf?(
    order: Order<V>,
    facts: EffectFacts,
    services: TaskServices,
    claim: ClaimToAnswer,
  ): Promise<ResultOf<V>>;
}

/** One kind for each verb that this device obeys; a verb without one is refused as NOT_SUPPORTED. */
export type TaskRegistry = { readonly [V in Verb]?: TaskKind<V> };
