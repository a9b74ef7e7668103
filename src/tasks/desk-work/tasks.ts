import { allow, refuse, seconds } from '../../base/index.ts';
import { stopReasons } from '../stop.ts';
import type { TaskKind } from '../task.ts';

const shape = {
  pace: 'instant',
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
} as const;

/** The tasks that have not ended. */
export const taskList: TaskKind<'task.list'> = {
  ...shape,
  verb: 'task.list',
  pure: true,
  async run(_order, { services }) {
    const tasks = services.tasks.rows().map(({ id, verb, state, issuer, stage, done, total }) => ({
      id,
      verb,
      state,
      issuer,
      ...(stage === undefined ? {} : { stage }),
      ...(done === undefined ? {} : { done }),
      ...(total === undefined ? {} : { total }),
    }));
    return allow({ tasks });
  },
};

/** Asks a task to stop. The task's own receipt says how it ended. */
export const taskCancel: TaskKind<'task.cancel'> = {
  ...shape,
  verb: 'task.cancel',
  pure: false,
  fate: () => Promise.resolve('absent'),
  async run({ args }, { services }) {
    const row = services.tasks.stop(args.task, stopReasons.cancelled());
    if (row === undefined) return refuse('NO_SUCH_TASK', 'No task with this id is queued or running.');
    return allow({ task: args.task, asked: true, state: row.state });
  },
};
