import { allow, refuse, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';

/** The staged orders that have not ended, a page at a time, and the latest that have. */
export const stagedList: TaskKind<'staged.list'> = {
  verb: 'staged.list',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  run: async ({ args }, { services: { staged } }) =>
    staged === undefined ? refuse('NOT_SUPPORTED') : allow(staged.page(args.after)),
};
