import type { BlockDevice } from '../../ports/index.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

/** Filesystems of Windows, told by their boot sector; how to look further is loaded where one is met. */
export async function lookForBootSector(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  if (head.text(3, 8) === 'NTFS    ')
    return (await import('./look-ntfs.ts')).lookAtNtfs(device, head, signal);
  if (isFat(head)) return (await import('./look-fat.ts')).lookAtFat(device, head, signal);
  return undefined;
}

/** The jump, the mark at its end, and the name of the kind, which other filesystems with such a sector lack. */
function isFat(head: VolumeHead): boolean {
  const { bytes } = head;
  if (bytes[510] !== 0x55 || bytes[511] !== 0xaa || (bytes[0] !== 0xeb && bytes[0] !== 0xe9)) return false;
  return head.text(82, 5) === 'FAT32' || /^FAT(12|16| {2})/.test(head.text(54, 8));
}
