import { allow, hours, NsError, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { FileStat, OpenFile } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { parseHostPath } from '../../storage/index.ts';
import { type KnownZeros, knownZeros } from '../../transfer/index.ts';
import type { TaskKind } from '../task.ts';
import { sendOffered } from './send-offered.ts';
import { withVolume } from './volume-access.ts';

/**
 * Host disk → fleet. The device offers the file; the receiver asks for chunks, all or those it lacks; the receipt
 * carries the hash of the whole as read from the disk. Reading has no effect, so an upload that a restart cut off is
 * simply offered again. What sends a whole tree is loaded by the first such order.
 */
export const fileUpload: TaskKind<'file.upload'> = {
  verb: 'file.upload',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(24),
  noProgress: seconds(90),
  async run(order, context): Promise<Verdict<ResultOf<'file.upload'>>> {
    const { args } = order;
    const { services } = context;
    if (services.byNeighbour?.(order.id) === true) return refuse('FILES_NEED_NETWORK');
    const path = parseHostPath(args.path);
    if (!path.ok) return path;
    return withVolume(context, args, 'read', async (access) => {
      const { fs, note, signal } = access;
      if (args.tree === true) {
        const { uploadTree } = await import('./upload-tree.ts');
        return uploadTree(order, path.value, context, access);
      }
      const opened = await fs.open(path.value, signal);
      if (!opened.ok) return opened;
      const { stat } = opened.value;
      const { sha256 } = await sendOffered(
        context,
        {
          size: stat.size,
          inode: stat.inode,
          mtime: stat.mtime,
          read: (offset, into, chunkSignal) => readWhole(opened.value, offset, into, chunkSignal),
          zeros: zerosOf(opened.value),
        },
        signal,
      );
      const now = await fs.stat(path.value, true, signal);
      if (!now.ok || !sameFile(stat, now.value)) return refuse('FILE_CHANGED');
      const { wholeFacts } = await import('./file-facts.ts');
      const told = await wholeFacts(fs, path.value, true, stat, args.xattrs === true, signal);
      const volume = { ...note, notes: [...note.notes, ...told.notes] };
      return allow({ volume, path: path.value, file: told.file, sha256 });
    });
  },
};

/** Holes as the filesystem tells of them: they are not even read. */
function zerosOf(file: OpenFile): KnownZeros | undefined {
  if (file.extents === undefined) return undefined;
  return knownZeros(
    async (offset, length, signal) => (await file.extents?.(offset, length, signal)) ?? [],
    file.stat.size,
  );
}

function sameFile(a: FileStat, b: FileStat): boolean {
  return a.inode === b.inode && a.size === b.size && a.mtime === b.mtime;
}

/** The size is the one of the offer: a file that ends before it contradicts its own inode. */
async function readWhole(
  file: OpenFile,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  let done = 0;
  while (done < into.byteLength) {
    const count = await file.read(offset + done, into.subarray(done), signal);
    if (count === 0) {
      throw new NsError('NS_FILE_SHORT', `the file ends at byte ${offset + done}, before the size it gave`, {
        family: 'peer',
      });
    }
    done += count;
  }
}
