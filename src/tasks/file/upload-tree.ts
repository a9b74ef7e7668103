import { allow, minutes, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { CHUNK_BYTES, type Order, type ResultOf } from '../../protocol/index.ts';
import { sendFile } from '../../transfer/index.ts';
import type { TaskContext } from '../task.ts';
import { fileFacts } from './file-facts.ts';
import { breather } from './give-way.ts';
import { planTree } from './plan-tree.ts';
import type { VolumeAccess } from './volume-access.ts';

/** A directory and all below it, sent as one archive that is never stored here. */
export async function uploadTree(
  { args }: Order<'file.upload'>,
  path: HostPath,
  context: TaskContext,
  { fs, note, signal }: VolumeAccess,
): Promise<Verdict<ResultOf<'file.upload'>>> {
  const { clock, blocks } = context.services;
  const breathe = breather(clock);
  const seen = (count: number) => {
    context.progress('looking', count);
    return breathe(signal);
  };
  const planned = await planTree(fs, path, seen, signal);
  if (!planned.ok) return planned;
  const tree = planned.value;
  const top = await fs.stat(path, true, signal);
  if (!top.ok) return top;
  const { size } = tree.archive;
  context.offer({ size, chunk: CHUNK_BYTES, inode: tree.mark, mtime: Math.max(0, top.value.mtime) });
  const { sha256 } = await sendFile({
    id: context.id,
    size,
    chunk: CHUNK_BYTES,
    read: async (offset, into, chunkSignal) => {
      await breathe(chunkSignal);
      await tree.read(offset, into, chunkSignal);
    },
    port: blocks,
    clock,
    signal,
    noProgress: minutes(1),
    onProgress: ({ done, total }) => context.progress('sending', done, total, 'bytes'),
  });
  return allow({ volume: note, path: args.path, file: fileFacts(top.value), sha256, tree: tree.note() });
}
