import { allow, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';
import { budgetNote } from './note.ts';

/** What this device knows of the budget for destructive orders. */
export const budgetRead: TaskKind<'budget.read'> = {
  verb: 'budget.read',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  run: (_order, { services: { budget } }) => Promise.resolve(allow(budgetNote(budget))),
};
