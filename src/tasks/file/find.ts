import { allow, hours, milliseconds, minutes, type Verdict } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { withVolume } from './volume-access.ts';

/** So long nothing else happens in this process. */
const LONGEST_TURN = milliseconds(20);

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
      const breathe = breather(context.services.clock, signal);
      const progress = (seen: number) => {
        context.progress('searching', seen);
        return breathe();
      };
      const { Find } = await import('./find-search.ts');
      const found = await new Find(fs, path.value, args, progress, signal).run();
      return found.ok ? allow({ volume: note, ...found.value }) : found;
    });
  },
};

/**
 * Lets others have their turn after a while: what is searched may all lie in memory, or be holes, and then no read would
 * ever wait.
 */
function breather(clock: Clock, signal: AbortSignal): () => Promise<void> {
  let last = clock.monotonic();
  return async () => {
    if (clock.monotonic() - last < LONGEST_TURN) return;
    await clock.sleep(milliseconds(0), signal);
    last = clock.monotonic();
  };
}
