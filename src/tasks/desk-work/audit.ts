import { allow, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';

const PAGE = 64;

/** The device's own record of what was ordered, by whom, and how it ended: a hash chain, oldest first. */
export const auditRead: TaskKind<'audit.read'> = {
  verb: 'audit.read',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(30),
  noProgress: seconds(30),
  async run({ args }, { services }) {
    const { entries, head, before, next } = await services.audit.read(
      args.from,
      Math.min(args.limit ?? PAGE, PAGE),
    );
    return allow({
      head,
      before,
      entries: entries.map(({ seq, at, event, by, detail }) => ({
        seq,
        at,
        event,
        detail,
        ...(by === undefined ? {} : { by }),
      })),
      ...(next === undefined ? {} : { next }),
    });
  },
};
