import { allow, type Duration, refuse, type Verdict } from '../../base/index.ts';
import { DESTRUCTIONS } from '../destruction.ts';
import type { BudgetLimits } from './budget-rules.ts';

/** What was ordered, and how far it has come into force. */
export interface LimitsState {
  /** Of the latest change; 0 before the first. */
  readonly version: number;
  readonly inForce: BudgetLimits;
  /** A raise that still waits, and for how long it has: running time of this device, in milliseconds. */
  readonly pending?: { readonly limits: BudgetLimits; readonly waitedMs: number };
}

export interface LimitsChange extends BudgetLimits {
  /** Higher than that of the change before. */
  readonly version: number;
}

export interface LimitsUpdate {
  readonly state: LimitsState;
  readonly changed: boolean;
}

/** No change leaps further: versions never end, so that no slip and no stolen key makes one the last for good. */
const LONGEST_LEAP = 2 ** 32;

/**
 * What a change comes to. What it lowers counts at once; what it raises waits. It takes the place of a raise that
 * still waited. The same change again is no change. BUDGET_OLDER, MESSAGE_INVALID for a version that is far too high.
 */
export function judgeLimits(before: LimitsState, change: LimitsChange): Verdict<LimitsUpdate> {
  const { version, lock, wipe } = change;
  const wanted: BudgetLimits = { lock, wipe };
  if (version < before.version || version === 0) {
    return refuse(
      'BUDGET_OLDER',
      `The device has version ${before.version}, and this is version ${version}.`,
    );
  }
  if (version === before.version) {
    return isSame(before.pending?.limits ?? before.inForce, wanted)
      ? allow({ state: before, changed: false })
      : refuse('BUDGET_OLDER', `The device has another budget under version ${version}.`);
  }
  if (version > before.version + LONGEST_LEAP) {
    return refuse(
      'MESSAGE_INVALID',
      `The device has version ${before.version}, and version ${version} is too far from it.`,
      'Give one more than "nightshift budget" shows.',
    );
  }
  const { inForce } = before;
  const lowered: BudgetLimits = {
    lock: Math.min(inForce.lock, lock),
    wipe: Math.min(inForce.wipe, wipe),
  };
  const raises = !isSame(lowered, wanted);
  return allow({
    state: { version, inForce: lowered, ...(raises ? { pending: { limits: wanted, waitedMs: 0 } } : {}) },
    changed: true,
  });
}

/** After some time of this device running. */
export function afterWaiting(state: LimitsState, passed: Duration, delay: Duration): LimitsState {
  const { version, pending } = state;
  if (pending === undefined) return state;
  const waitedMs = pending.waitedMs + passed;
  return waitedMs >= delay
    ? { version, inForce: pending.limits }
    : { ...state, pending: { ...pending, waitedMs } };
}

function isSame(a: BudgetLimits, b: BudgetLimits): boolean {
  return DESTRUCTIONS.every((kind) => a[kind] === b[kind]);
}
