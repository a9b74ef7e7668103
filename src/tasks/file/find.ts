import { allow, hours, minutes, type Verdict } from '../../base/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { breather } from './give-way.ts';
import { withVolume } from './volume-access.ts';

/** What searches is loaded by the first search. */
export const fileFind: TaskKind<'file.find'> = {
  verb: 'file.find',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(12),
  noProgress: minutes(2),
  async run({ args }, context): Promise<Verdict<ResultOf<'file.find'>>> {
    const path = parseHostPath(args.path);
    if (!path.ok) return path;
    const wish = { ...args, literal: true };
    return withVolume(context, wish, 'read', async ({ fs, note, signal }) => {
      const breathe = breather(context.services.clock);
      const progress = (seen: number) => {
        context.progress('searching', seen);
        return breathe(signal);
      };
      const { Find } = await import('./find-search.ts');
      const found = await new Find(fs, path.value, args, progress, signal).run();
      return found.ok ? allow({ volume: note, ...found.value }) : found;
    });
  },
};
