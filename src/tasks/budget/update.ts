import { allow, seconds } from '../../base/index.ts';
import type { TaskServices } from '../services.ts';
import type { EffectFacts, TaskKind } from '../task.ts';
import { budgetNote } from './note.ts';

/** What is stored counts: where that cannot be told, nothing can. */
async function fateOf({ version }: EffectFacts, { budget }: TaskServices) {
  if (typeof version !== 'number') return 'unknown';
  await budget.store();
  const now = budget.status().version;
  if (now === version) return 'done';
  return now < version ? 'absent' : 'unknown';
}

/** Changes the budget for destructive orders: down at once, up after its delay. The same change again is a no-op. */
export const budgetUpdate: TaskKind<'budget.update'> = {
  verb: 'budget.update',
  pace: 'instant',
  pure: false,
  whileDisabled: true,
  deadline: seconds(60),
  noProgress: seconds(60),
  fate: fateOf,
  resultOf: (_order, _facts, { budget }) =>
    Promise.resolve({ changed: true, dryRun: false, budget: budgetNote(budget) }),
  async run({ args }, { services: { budget }, effect }) {
    const { version, lock, wipe } = args;
    const change = { version, lock, wipe };
    const judged = budget.judgeUpdate(change);
    if (!judged.ok) return judged;
    const { changed } = judged.value;
    const dryRun = args.dryRun === true;
    if (dryRun || !changed) return allow({ changed, dryRun, budget: budgetNote(budget) });
    return effect({ version }, async () => {
      const done = await budget.update(change);
      return done.ok ? allow({ changed: true, dryRun, budget: budgetNote(budget) }) : done;
    });
  },
};
