import { allow, minutes, type Verdict } from '../../base/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { withVolume } from './volume-access.ts';

export const fileStat: TaskKind<'file.stat'> = {
  verb: 'file.stat',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(5),
  noProgress: minutes(2),
  async run({ args }, context): Promise<Verdict<ResultOf<'file.stat'>>> {
    const path = parseHostPath(args.path);
    if (!path.ok) return path;
    return withVolume(context, args, 'read', async ({ fs, note, signal }) => {
      const follow = args.noFollow !== true;
      const found = await fs.stat(path.value, follow, signal);
      if (!found.ok) return found;
      context.progress('reading', 1);
      const { wholeFacts } = await import('./file-facts.ts');
      const told = await wholeFacts(fs, path.value, follow, found.value, args.xattrs === true, signal);
      const volume = { ...note, notes: [...note.notes, ...told.notes] };
      return allow({ volume, path: path.value, file: told.file });
    });
  },
};
