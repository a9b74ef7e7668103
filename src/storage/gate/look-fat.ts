import { equalBytes, KiB, NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { BOOT_SECTOR_BYTES, decodeBootSector, type FatLayout } from '../fat/boot-sector.ts';
import { directoryItems } from '../fat/directory.ts';
import { FatTable } from '../fat/table.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

/** Of both copies of the table; a difference is found by the checker too, before any write. */
const COMPARED = 256 * KiB;
/** A label lies among the first entries wherever one was made. */
const LOOKED_AT = 4096;

/** Of a volume that is FAT by its boot sector. */
export async function lookAtFat(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding> {
  try {
    return await overHostileBytes(() => lookAt(device, head, signal));
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    const code = error.code === 'NS_FS_UNSUPPORTED' ? 'VOLUME_UNSUPPORTED' : 'VOLUME_DAMAGED';
    return { type: 'vfat', readRefusal: refusal(code, `The volume is FAT, and ${error.message}.`) };
  }
}

async function lookAt(device: BlockDevice, head: VolumeHead, signal?: AbortSignal): Promise<Finding> {
  const layout = decodeBootSector(head.bytes.subarray(0, BOOT_SECTOR_BYTES), device.capabilities.size);
  const table = new FatTable(device, layout);
  const { leftDirty, hadErrors } = await table.marks(signal);
  const differ = await copiesDiffer(device, head, layout, signal);
  const writeRefusals: Refusal[] = [];
  if (hadErrors) writeRefusals.push(refusal('VOLUME_DAMAGED', 'The host met errors on this FAT volume.'));
  if (differ) writeRefusals.push(refusal('VOLUME_DAMAGED', 'The two copies of the allocation table differ.'));
  const dirty = leftDirty || layout.dirtyMark;
  if (dirty) writeRefusals.push(refusal('VOLUME_DIRTY', 'The FAT volume was not unmounted.'));
  writeRefusals.push(refusal('VOLUME_READ_ONLY', 'This version reads FAT volumes and does not write them.'));
  return {
    type: 'vfat',
    label: (await rootLabel(device, table, signal)) ?? layout.label,
    uuid: layout.uuid,
    writeRefusals,
    notes: [
      'FAT keeps no owner and no permissions, and times in local time',
      ...(dirty ? ['the volume was not unmounted'] : []),
      ...(differ ? ['the two copies of the allocation table differ'] : []),
    ],
  };
}

async function rootLabel(
  device: BlockDevice,
  table: FatTable,
  signal?: AbortSignal,
): Promise<string | undefined> {
  let seen = 0;
  for await (const item of directoryItems(device, table, 'root', signal)) {
    if (item.is === 'label') return item.label;
    seen += 1;
    if (seen >= LOOKED_AT) break;
  }
  return undefined;
}

async function copiesDiffer(
  device: BlockDevice,
  head: VolumeHead,
  { tableStart, tableBytes, sectorSize }: FatLayout,
  signal?: AbortSignal,
): Promise<boolean> {
  const copies = head.bytes[16] ?? 1;
  const sectors = (head.bytes[22] ?? 0) | ((head.bytes[23] ?? 0) << 8);
  // FAT32 may have a single copy in force on purpose; FAT12 and FAT16 keep both.
  if (copies < 2 || sectors === 0) return false;
  const length = Math.min(COMPARED, tableBytes);
  const [a, b] = [new Uint8Array(length), new Uint8Array(length)];
  await device.read(tableStart, a, signal);
  await device.read(tableStart + sectors * sectorSize, b, signal);
  return !equalBytes(a, b);
}
