import { type Duration, milliseconds } from '../../base/index.ts';
import type { Destruction } from '../destruction.ts';
import type { LimitsState } from './budget-limits.ts';
import { type BudgetLimits, findFork, newestEpoch, numbersSeen, type SeenToken } from './budget-rules.ts';

export interface BudgetStatus {
  /** Of the latest change; 0 before the first. */
  readonly version: number;
  readonly inForce: BudgetLimits;
  readonly pending?: { readonly limits: BudgetLimits; readonly left: Duration };
  /** The newest epoch of which a token was seen, and how many of its numbers are in use. */
  readonly epoch?: number;
  readonly used: BudgetLimits;
  /** Epochs in which two tokens of one number were seen. */
  readonly forked: readonly number[];
  /** Names of those whose tokens count. */
  readonly governors: readonly string[];
  readonly plain: { readonly limit: number; readonly used: number };
  /** The stored budget was not whole, so nothing is left of it until two people give a new one. */
  readonly damaged: boolean;
}

export interface StatusFacts {
  readonly limits: LimitsState;
  readonly damaged: boolean;
  readonly raiseDelay: Duration;
  /** Of governors that are enrolled now. */
  readonly seen: readonly SeenToken[];
  readonly governors: readonly string[];
  readonly plain: BudgetStatus['plain'];
}

/** What a device says of its budget. */
export function budgetStatus(facts: StatusFacts): BudgetStatus {
  const { limits, damaged, raiseDelay, seen, governors, plain } = facts;
  const { version, inForce, pending } = limits;
  const epoch = newestEpoch(seen);
  const used = (kind: Destruction): number => numbersSeen(seen, { epoch, for: kind });
  const epochs = [...new Set(seen.map((token) => token.epoch))].sort((a, b) => b - a);
  const left = (waitedMs: number): Duration => milliseconds(Math.max(0, raiseDelay - waitedMs));
  return {
    version,
    inForce,
    ...(pending === undefined ? {} : { pending: { limits: pending.limits, left: left(pending.waitedMs) } }),
    ...(seen.length === 0 ? {} : { epoch }),
    used: { lock: used('lock'), wipe: used('wipe') },
    forked: epochs.filter((each) => findFork(seen, each) !== undefined),
    governors,
    plain: { limit: plain.limit, used: plain.used },
    damaged,
  };
}
