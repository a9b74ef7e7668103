import { formatDuration, seconds } from '../base/index.ts';
import type { BudgetNote, ResultOf } from '../protocol/index.ts';
import { counted } from './text.ts';

const limitsText = ({ lock, wipe }: { readonly lock: number; readonly wipe: number }) =>
  `lock ${lock}, wipe ${wipe}`;

/** What a device knows of the budget for destructive orders. */
export function showBudget(budget: BudgetNote): string[] {
  const { version, inForce, pending, epoch, used, forked, governors, plain, damaged } = budget;
  return [
    `budget: ${limitsText(inForce)} an epoch (${version === 0 ? 'as configured' : `version ${version}`})`,
    ...(damaged ? ['DAMAGED: the stored budget was not whole; two people must give a new one'] : []),
    ...(pending === undefined
      ? []
      : [`rises to ${limitsText(pending)} in ${formatDuration(seconds(pending.secondsLeft))}`]),
    epoch === undefined
      ? 'epoch: none seen yet'
      : `epoch: ${epoch}, of which this device has seen in use: ${limitsText(used)}`,
    ...forked.map((each) => `FORKED: in epoch ${each} one number was signed twice`),
    governors.length === 0
      ? 'governors: NONE, so no destructive order is obeyed'
      : `governors: ${governors.join(', ')}`,
    `without a token: ${counted(plain.limit, 'file')} a day and key, ${plain.used} used`,
  ];
}

export function showBudgetUpdate({ changed, dryRun, budget }: ResultOf<'budget.update'>): string[] {
  const said = !changed
    ? 'nothing to change'
    : dryRun
      ? 'would be changed; as it is now:'
      : `changed to version ${budget.version}`;
  return [said, ...showBudget(budget)];
}
