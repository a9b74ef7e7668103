import type { BlockDevice } from '../../ports/index.ts';
import { readGpt } from './gpt.ts';
import { decodeMbr, type MbrSector, PROTECTIVE, readMbr } from './mbr.ts';
import type { PartitionTable } from './partition.ts';

const SECTOR_SIZES = [512, 4096];

/** Does the first sector begin a FAT, exFAT, NTFS or BitLocker volume rather than a partitioned disk? */
function isBootSectorOfFilesystem(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xeb && bytes[0] !== 0xe9) return false;
  const text = (at: number, length: number): string =>
    Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
  return (
    ['NTFS    ', 'EXFAT   ', '-FVE-FS-'].includes(text(3, 8)) ||
    text(54, 3) === 'FAT' ||
    text(82, 3) === 'FAT'
  );
}

const isPlausible = (mbr: MbrSector): boolean =>
  mbr.entries.some(({ type, first, sectors }) => type !== 0 && first !== 0 && sectors !== 0);

const isHybrid = (mbr: MbrSector): boolean =>
  mbr.entries.some(({ type, sectors }) => type !== 0 && type !== PROTECTIVE && sectors !== 0);

/**
 * Reads a disk's partition table: GPT, MBR or none (one filesystem over the whole disk, an empty disk, something
 * unknown). Every number on disk is bounded; entries that make no sense are left out and named. Throws only what the
 * device throws.
 */
export async function readPartitionTable(device: BlockDevice, signal?: AbortSignal): Promise<PartitionTable> {
  if (device.capabilities.size < 8192) return { scheme: 'none', partitions: [], notes: [] };
  const bytes = new Uint8Array(512);
  await device.read(0, bytes, signal);
  const mbr = decodeMbr(bytes);
  const protective = mbr?.entries.some(({ type }) => type === PROTECTIVE) === true;
  const own = device.capabilities.sectorSize as number;
  const sizes = [own, ...SECTOR_SIZES.filter((size) => size !== own)];
  if (protective || mbr === undefined || !isPlausible(mbr)) {
    for (const sectorSize of sizes) {
      const table = await readGpt(device, sectorSize, signal);
      if (table === undefined) continue;
      // Without a protective MBR a backup at the end of the disk may be a leftover of an earlier use.
      if (!protective && table.copy === 'backup') continue;
      const notes = [...table.notes];
      if (mbr !== undefined && isHybrid(mbr)) {
        notes.push('the MBR names partitions too, as a hybrid one does; the GPT is used');
      }
      if (sectorSize !== own) notes.push(`the table was written for sectors of ${sectorSize} bytes`);
      if (!protective) notes.push('the GPT has no protective MBR');
      return { ...table, notes };
    }
    if (protective) {
      const unseen = 'the disk should have a GPT, but neither copy is whole';
      return { scheme: 'gpt', partitions: [], notes: [unseen], unseen };
    }
    return { scheme: 'none', partitions: [], notes: [] };
  }
  if (isBootSectorOfFilesystem(bytes)) return { scheme: 'none', partitions: [], notes: [] };
  return await readMbr(device, own, mbr, signal);
}
