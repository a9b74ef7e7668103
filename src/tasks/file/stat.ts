import { allow, minutes, type Verdict } from '../../base/index.ts';
import type { FileStat } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { withVolume } from './volume-access.ts';

/** What an answer says of a file. */
export function fileFacts(stat: FileStat): ResultOf<'file.stat'>['file'] {
  const { kind, size, mode, uid, gid, links, inode, mtime, target } = stat;
  return { kind, size, mode, uid, gid, links, inode, mtime, ...(target === undefined ? {} : { target }) };
}

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
      const found = await fs.stat(path.value, args.noFollow !== true, signal);
      if (!found.ok) return found;
      context.progress('reading', 1);
      return allow({ volume: note, path: path.value, file: fileFacts(found.value) });
    });
  },
};
