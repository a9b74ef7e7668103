import { ByteView, crc32, equalBytes, isAllZero, toHex } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import {
  MAX_PARTITIONS,
  type Partition,
  type PartitionTable,
  type TableRegion,
  withOverlaps,
} from './partition.ts';

const MAX_ARRAY = 1024 * 1024;
const MAX_ENTRY = 4096;

interface GptHeader {
  readonly sectorSize: number;
  readonly alternate: number;
  readonly firstUsable: number;
  readonly lastUsable: number;
  readonly arrayAt: number;
  readonly entries: number;
  readonly entrySize: number;
  readonly arrayCrc: number;
}

/** GUIDs keep their first three fields little-endian (UEFI 2.10 appendix A). */
function guid(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = toHex(Uint8Array.from(order, (i) => bytes[i]!));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A header at a sector (UEFI 2.10 section 5.3.2), or what is wrong with it. */
async function readHeader(
  device: BlockDevice,
  sectorSize: number,
  sector: number,
  signal?: AbortSignal,
): Promise<GptHeader | string> {
  const last = Math.floor(device.capabilities.size / sectorSize) - 1;
  if (sector < 1 || sector > last) return 'it lies outside the disk';
  const bytes = new Uint8Array(sectorSize);
  await device.read(sector * sectorSize, bytes, signal);
  const view = new ByteView(bytes, 'GPT header');
  if (view.ascii(0, 8) !== 'EFI PART') return 'it is missing';
  const size = view.u32le(12);
  if (size < 92 || size > sectorSize) return 'its size is wrong';
  const zeroed = bytes.slice(0, size);
  zeroed.fill(0, 16, 20);
  if (crc32(zeroed) !== view.u32le(16)) return 'its checksum does not fit';
  const numbers = [24, 32, 40, 48, 72].map((at) => view.u64le(at));
  if (numbers.some((value) => value > BigInt(last))) return 'it points outside the disk';
  const [own, alternate, firstUsable, lastUsable, arrayAt] = numbers.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (own !== sector) return 'it belongs to another place';
  const entries = view.u32le(80);
  const entrySize = view.u32le(84);
  const powerOfTwo = Number.isInteger(Math.log2(entrySize / 128));
  if (entrySize < 128 || entrySize > MAX_ENTRY || !powerOfTwo || entries * entrySize > MAX_ARRAY) {
    return 'its table has an impossible size';
  }
  if (arrayAt * sectorSize + entries * entrySize > device.capabilities.size)
    return 'its table lies outside the disk';
  const arrayCrc = view.u32le(88);
  return { sectorSize, alternate, firstUsable, lastUsable, arrayAt, entries, entrySize, arrayCrc };
}

/** One copy of the table, whole. */
interface GptCopy {
  readonly header: GptHeader;
  readonly array: Uint8Array;
}

/** The copy whose header lies at a sector, or what is wrong with it. */
async function readCopy(
  device: BlockDevice,
  sectorSize: number,
  sector: number,
  signal?: AbortSignal,
): Promise<GptCopy | string> {
  const header = await readHeader(device, sectorSize, sector, signal);
  if (typeof header === 'string') return header;
  const array = new Uint8Array(header.entries * header.entrySize);
  await device.read(header.arrayAt * header.sectorSize, array, signal);
  return crc32(array) === header.arrayCrc ? { header, array } : "its table's checksum does not fit";
}

/** What a copy takes up on the disk. */
function regionsOf({ header, array }: GptCopy, sector: number): TableRegion[] {
  const { sectorSize, arrayAt } = header;
  return [
    { start: sector * sectorSize, length: sectorSize },
    { start: arrayAt * sectorSize, length: array.byteLength },
  ];
}

/** The first partitions of the table, and how many more there are. */
function decodeEntries(
  device: BlockDevice,
  { header, array }: GptCopy,
  notes: string[],
): { readonly partitions: readonly Omit<Partition, 'overlaps'>[]; readonly more: number } {
  const partitions: Omit<Partition, 'overlaps'>[] = [];
  let more = 0;
  for (let index = 0; index < header.entries; index += 1) {
    const raw = array.subarray(index * header.entrySize, (index + 1) * header.entrySize);
    if (isAllZero(raw.subarray(0, 16))) continue;
    if (partitions.length === MAX_PARTITIONS) {
      more += 1;
      continue;
    }
    const view = new ByteView(raw, 'GPT entry');
    const name = `${device.name}p${index + 1}`;
    const [first, last] = [view.u64le(32), view.u64le(40)];
    if (first > last || first < BigInt(header.firstUsable) || last > BigInt(header.lastUsable)) {
      notes.push(`${name} lies outside the usable part of the disk and is left out`);
      continue;
    }
    const label = new TextDecoder('utf-16le').decode(raw.subarray(56, 128));
    const end = label.indexOf('\0');
    partitions.push({
      slot: index + 1,
      name,
      start: Number(first) * header.sectorSize,
      length: (Number(last) - Number(first) + 1) * header.sectorSize,
      type: guid(raw.subarray(0, 16)),
      label: end < 0 ? label : label.slice(0, end),
      uuid: guid(raw.subarray(16, 32)),
    });
  }
  return { partitions, more };
}

export interface GptTable extends PartitionTable {
  /** Which of the two copies it is from. */
  readonly copy: 'primary' | 'backup';
}

/**
 * Reads a GUID partition table with one sector size: the primary one, or the backup where the primary is bad. The notes
 * say which copy is bad, and whether two good ones differ. Undefined where neither is whole.
 */
export async function readGpt(
  device: BlockDevice,
  sectorSize: number,
  signal?: AbortSignal,
): Promise<GptTable | undefined> {
  const notes: string[] = [];
  const last = Math.floor(device.capabilities.size / sectorSize) - 1;
  const primary = await readCopy(device, sectorSize, 1, signal);
  const backupAt =
    typeof primary === 'string' || primary.header.alternate <= 1 ? last : primary.header.alternate;
  const backup = await readCopy(device, sectorSize, backupAt, signal);
  const used = typeof primary === 'string' ? backup : primary;
  if (typeof used === 'string') return undefined;
  const regions = [
    ...(typeof primary === 'string' ? [] : regionsOf(primary, 1)),
    ...(typeof backup === 'string' ? [] : regionsOf(backup, backupAt)),
  ];
  if (typeof primary === 'string')
    notes.push(`the primary GPT is not used: ${primary}`, 'the backup GPT is used');
  else if (typeof backup === 'string') notes.push(`the backup GPT is not whole: ${backup}`);
  else if (!equalBytes(primary.array, backup.array)) {
    notes.push('the two copies of the GPT differ; the primary one is used');
  }
  const { partitions, more } = decodeEntries(device, used, notes);
  const unseen = `${more} partitions after the first ${MAX_PARTITIONS} are not looked at`;
  if (more > 0) notes.push(unseen);
  return {
    scheme: 'gpt',
    copy: typeof primary === 'string' ? 'backup' : 'primary',
    partitions: withOverlaps(partitions, regions, notes),
    notes,
    ...(more === 0 ? {} : { unseen }),
  };
}
