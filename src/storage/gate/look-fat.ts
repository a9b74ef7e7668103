import { ByteView, equalBytes, KiB, NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { BOOT_SECTOR_BYTES, decodeBootSector, type FatLayout } from '../fat/boot-sector.ts';
import { directoryItems } from '../fat/directory.ts';
import { FatTable } from '../fat/table.ts';
import { resumePlaces } from './swap-files.ts';
import type { Finding, ResumePlace, VolumeHead } from './volume-probe.ts';

/** Of both copies of the table; before a write they are compared whole. */
const COMPARED = 256 * KiB;
/** A label lies among the first entries wherever one was made. */
const LOOKED_AT = 4096;
const INFO_BYTES = 512;
/** In place of a count. */
const UNKNOWN = 0xffff_ffff;

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
  const differ = await copiesDiffer(device, layout, signal);
  const writeRefusals: Refusal[] = [];
  if (hadErrors) writeRefusals.push(refusal('VOLUME_DAMAGED', 'The host met errors on this FAT volume.'));
  if (differ) writeRefusals.push(refusal('VOLUME_DAMAGED', 'The two copies of the allocation table differ.'));
  if (!layout.mirrored) {
    const sentence =
      'This FAT32 volume keeps one copy of its allocation table alone, which is not written here.';
    writeRefusals.push(refusal('VOLUME_READ_ONLY', sentence));
  }
  const info = await infoFault(device, layout, signal);
  if (info !== undefined) writeRefusals.push(refusal('VOLUME_DAMAGED', info));
  const dirty = leftDirty || layout.dirtyMark;
  if (dirty) writeRefusals.push(refusal('VOLUME_DIRTY', 'The FAT volume was not unmounted.'));
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
    resumes: await resumesOf(device, signal),
  };
}

/** A boot partition says where its Linux resumes from; a damaged one says nothing. */
async function resumesOf(device: BlockDevice, signal?: AbortSignal): Promise<readonly ResumePlace[]> {
  try {
    const { openFat } = await import('../fat/open-fat.ts');
    return await resumePlaces(await openFat(device, signal), signal);
  } catch (error) {
    if (error instanceof NsError && ['NS_FS_CORRUPT', 'NS_BLOCK_IO'].includes(error.code)) return [];
    throw error;
  }
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
  { tableStart, tableBytes, tableLength, copies, mirrored }: FatLayout,
  signal?: AbortSignal,
): Promise<boolean> {
  if (copies < 2 || !mirrored) return false;
  const length = Math.min(COMPARED, tableBytes);
  const [a, b] = [new Uint8Array(length), new Uint8Array(length)];
  await device.read(tableStart, a, signal);
  await device.read(tableStart + tableLength, b, signal);
  return !equalBytes(a, b);
}

/** What is wrong with the information sector of FAT32, which says how much is free and where; a count it need not know. */
async function infoFault(
  device: BlockDevice,
  { width, infoAt, clusters }: FatLayout,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (width !== 32) return undefined;
  if (infoAt === undefined) return 'The FAT32 volume names no information sector.';
  const bytes = new Uint8Array(INFO_BYTES);
  await device.read(infoAt, bytes, signal);
  const view = new ByteView(bytes, 'information sector');
  const signed = view.u32le(0) === 0x4161_5252 && view.u32le(484) === 0x6141_7272;
  if (!signed) return 'The information sector of the FAT32 volume is none.';
  const [free, next] = [view.u32le(488), view.u32le(492)];
  const known = (count: number): boolean => count !== UNKNOWN;
  if ((known(free) && free > clusters) || (known(next) && next > clusters + 1)) {
    return 'The information sector of the FAT32 volume speaks of more clusters than there are.';
  }
  return undefined;
}
