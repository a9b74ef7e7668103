import { allow, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import type { Order, ResultOf } from '../../protocol/index.ts';
import type { TaskContext } from '../task.ts';
import { fileFacts } from './file-facts.ts';
import { breather } from './give-way.ts';
import { planTree } from './plan-tree.ts';
import { sendOffered } from './send-offered.ts';
import type { VolumeAccess } from './volume-access.ts';

/** A directory and all below it, sent as one archive that is never stored here. */
export async function uploadTree(
  { args }: Order<'file.upload'>,
  path: HostPath,
  context: TaskContext,
  { fs, note, signal }: VolumeAccess,
): Promise<Verdict<ResultOf<'file.upload'>>> {
  const breathe = breather(context.services.clock);
  const seen = (count: number) => {
    context.progress('looking', count);
    return breathe(signal);
  };
  const planned = await planTree(fs, path, seen, signal);
  if (!planned.ok) return planned;
  const tree = planned.value;
  const top = await fs.stat(path, true, signal);
  if (!top.ok) return top;
  const { sha256 } = await sendOffered(
    context,
    {
      size: tree.archive.size,
      inode: tree.mark,
      mtime: Math.max(0, top.value.mtime),
      read: async (offset, into, chunkSignal) => {
        await breathe(chunkSignal);
        await tree.read(offset, into, chunkSignal);
      },
    },
    signal,
  );
  return allow({ volume: note, path: args.path, file: fileFacts(top.value), sha256, tree: tree.note() });
}
