import { allow, KiB, NsError, type Verdict } from '../base/index.ts';
import type { BlockDevice, VolumeEdit } from '../ports/index.ts';
import { readSuperblock } from './ext4/superblock.ts';
import { ext4FreeBlocks, type IsFree } from './free-blocks.ts';
import { verifyEdits } from './verify-edits.ts';

/** What changing a volume has to know of its kind of filesystem. */
export interface WritableKind {
  /** What the gate could not look at for its size; called once, before anything else is done. */
  preflight(volume: BlockDevice, signal: AbortSignal): Promise<Verdict<void>>;
  /** Bytes of a block of the overlay, so that a block in use does not share one with a free block. */
  granularity(volume: BlockDevice, signal: AbortSignal): Promise<number>;
  freeSpace(volume: BlockDevice, signal: AbortSignal): Promise<IsFree>;
  /** Throws NS_EDIT_NOT_MADE where the overlay does not hold what the edits ask for. */
  verify(
    base: BlockDevice,
    overlay: BlockDevice,
    edits: readonly VolumeEdit[],
    signal: AbortSignal,
  ): Promise<void>;
}

const extKind = (type: string): WritableKind => ({
  preflight: () => Promise.resolve(allow(undefined)),
  async granularity(volume, signal) {
    const superblock = await readSuperblock(volume, signal);
    return Math.min(4 * KiB, superblock?.blockSize ?? 4 * KiB);
  },
  freeSpace: ext4FreeBlocks,
  verify: (_base, overlay, edits, signal) => verifyEdits(overlay, type, edits, signal),
});

/** Throws NS_FS_UNSUPPORTED for what is not written here. */
export async function writableKind(type: string): Promise<WritableKind> {
  switch (type) {
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return extKind(type);
    case 'vfat':
      return (await import('./fat/write.ts')).fatKind;
    case 'ntfs':
      return (await import('./ntfs/write.ts')).ntfsKind;
    default:
      throw new NsError('NS_FS_UNSUPPORTED', `${type} is not written here`, { family: 'caller' });
  }
}
