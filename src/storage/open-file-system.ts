import { NsError } from '../base/index.ts';
import type { BlockDevice, FileSystem } from '../ports/index.ts';
import { openExt4 } from './ext4/open-ext4.ts';

type Open = (device: BlockDevice, signal?: AbortSignal) => Promise<FileSystem>;

/** What only some hosts have is loaded where it is met. */
const READERS: Readonly<Record<string, () => Open | Promise<Open>>> = {
  ext2: () => openExt4,
  ext3: () => openExt4,
  ext4: () => openExt4,
  vfat: async () => (await import('./fat/open-fat.ts')).openFat,
  ntfs: async () => (await import('./ntfs/open-ntfs.ts')).openNtfs,
};

/**
 * Opens a volume of a kind that the gate has named, for reading. Nothing is ever written, and a dirty journal is not
 * replayed: open a replayed overlay for that. Throws NS_FS_CORRUPT; NS_FS_UNSUPPORTED where the gate would have refused.
 */
export async function openFileSystem(
  device: BlockDevice,
  type: string,
  signal?: AbortSignal,
): Promise<FileSystem> {
  const reader = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader === undefined) {
    throw new NsError('NS_FS_UNSUPPORTED', `${device.name} is ${type}, which is not read here`, {
      family: 'peer',
    });
  }
  return await (await reader())(device, signal);
}
