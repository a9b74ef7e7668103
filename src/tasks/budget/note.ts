import { formatDuration } from '../../base/index.ts';
import type { BudgetNote } from '../../protocol/index.ts';
import type { Budget } from '../../security/index.ts';

const SHOWN_MAX = 64;

export function budgetNote(budget: Budget): BudgetNote {
  const { pending, epoch, forked, governors, version, inForce, used, plain, damaged } = budget.status();
  return {
    version,
    inForce: { ...inForce },
    ...(pending === undefined
      ? {}
      : { pending: { ...pending.limits, secondsLeft: Math.ceil(pending.left / 1000) } }),
    ...(epoch === undefined ? {} : { epoch }),
    used: { ...used },
    forked: forked.slice(0, SHOWN_MAX),
    governors: governors.slice(0, SHOWN_MAX).map((name) => name.slice(0, 64)),
    plain: { ...plain },
    damaged,
  };
}

/** What of the budget keeps this device from a destructive order, or soon no longer will; a sentence each. */
export function budgetLimits(budget: Budget): string[] {
  const { governors, pending, forked, damaged } = budget.status();
  const limits: string[] = [];
  if (governors.length === 0) limits.push('No governor is enrolled, so no destructive order is obeyed.');
  if (damaged)
    limits.push('The stored budget was damaged: no destructive order is obeyed before a new one has waited.');
  if (forked[0] !== undefined)
    limits.push(`Two tokens of one number were seen in epoch ${forked[0]}; no token of it counts any more.`);
  if (pending !== undefined) {
    const { lock, wipe } = pending.limits;
    limits.push(`The budget rises to lock ${lock}, wipe ${wipe} in ${formatDuration(pending.left)}.`);
  }
  return limits;
}
