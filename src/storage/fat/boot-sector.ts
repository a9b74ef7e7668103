import { ByteView, NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';

export type FatWidth = 12 | 16 | 32;

/** Where everything lies on a FAT volume, in bytes and clusters. Clusters are numbered from 2. */
export interface FatLayout {
  readonly width: FatWidth;
  readonly sectorSize: number;
  readonly clusterSize: number;
  /** How many clusters the volume has: the last one is `clusters + 1`. */
  readonly clusters: number;
  /** The copy of the table that is in force. */
  readonly tableStart: number;
  /** How many copies there are; each is `tableLength` behind the one before it. */
  readonly copies: number;
  readonly tableLength: number;
  /** False where one copy alone is kept (FAT32). */
  readonly mirrored: boolean;
  /** As much of the table as the clusters need. */
  readonly tableBytes: number;
  readonly dataStart: number;
  /** FAT12 and FAT16: a fixed stretch. FAT32: a chain of clusters. */
  readonly root:
    | { readonly at: number; readonly length: number }
    | { readonly at: 'cluster'; readonly cluster: number };
  /** The information sector of FAT32. */
  readonly infoAt: number | undefined;
  /** Volume serial number, "1a2b-3c4d". */
  readonly uuid: string;
  /** The label of the boot sector; one in the root directory is the better. */
  readonly label: string;
  /** Marked in the boot sector by a system that did not unmount it. */
  readonly dirtyMark: boolean;
  readonly size: number;
}

export const BOOT_SECTOR_BYTES = 512;
/** As many as fit between the first cluster and the marks at the end of the number range. */
const MOST_CLUSTERS: Readonly<Record<FatWidth, number>> = { 12: 4084, 16: 65_524, 32: 0x0fff_fff5 };

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

function invalid(what: string): NsError {
  return corrupt(`the boot sector says ${what}`);
}

/**
 * Reads the BIOS parameter block and checks it against the device's size in bytes. Throws NS_FS_CORRUPT where it
 * contradicts itself or its device, NS_FS_UNSUPPORTED for a version of FAT32 above 0.
 */
export function decodeBootSector(bytes: Uint8Array, deviceSize: number): FatLayout {
  const view = new ByteView(bytes, 'boot sector');
  const sectorSize = view.u16le(11);
  const perCluster = view.u8(13);
  const reserved = view.u16le(14);
  const copies = view.u8(16);
  const rootEntries = view.u16le(17);
  const tableSectors16 = view.u16le(22);
  const wide = tableSectors16 === 0;
  const total = view.u16le(19) || view.u32le(32);
  const tableSectors = tableSectors16 || view.u32le(36);
  if (!isPowerOfTwo(sectorSize) || sectorSize < 512 || sectorSize > 4096) {
    throw invalid(`sectors of ${sectorSize} bytes`);
  }
  if (!isPowerOfTwo(perCluster)) throw invalid(`clusters of ${perCluster} sectors`);
  if (reserved === 0) throw invalid('no reserved sectors');
  if (copies < 1 || copies > 2) throw invalid(`${copies} copies of the table`);
  if (tableSectors === 0) throw invalid('an empty table');
  if (wide === rootEntries > 0) throw invalid(`${rootEntries} entries in the root directory`);
  if (wide && view.u16le(42) !== 0) {
    throw new NsError('NS_FS_UNSUPPORTED', `FAT32 of version ${view.u16le(42)} is not read here`, {
      family: 'peer',
    });
  }
  const size = total * sectorSize;
  if (size > deviceSize) throw invalid(`${size} bytes, on a device of ${deviceSize}`);
  const rootAt = reserved + copies * tableSectors;
  const dataAt = rootAt + Math.ceil((rootEntries * 32) / sectorSize);
  const clusters = Math.floor((total - dataAt) / perCluster);
  if (clusters < 1) throw invalid('no room for data');
  const width: FatWidth = wide ? 32 : clusters <= MOST_CLUSTERS[12] ? 12 : 16;
  if (clusters > MOST_CLUSTERS[width]) throw invalid(`${clusters} clusters, too many for FAT${width}`);
  const tableBytes = Math.ceil(((clusters + 2) * width) / 8);
  if (tableBytes > tableSectors * sectorSize) throw invalid('a table too small for its clusters');
  const rootCluster = wide ? view.u32le(44) : 0;
  if (wide && (rootCluster < 2 || rootCluster > clusters + 1)) {
    throw invalid(`its root directory begins in cluster ${rootCluster}`);
  }
  const mirrored = !wide || (view.u16le(40) & ONE_COPY) === 0;
  const active = wide ? activeCopy(view.u16le(40), copies) : 0;
  const infoSector = wide ? view.u16le(48) : 0;
  const serial = view
    .u32le(wide ? 67 : 39)
    .toString(16)
    .padStart(8, '0');
  return {
    width,
    sectorSize,
    clusterSize: perCluster * sectorSize,
    clusters,
    tableStart: (reserved + active * tableSectors) * sectorSize,
    tableBytes,
    copies,
    tableLength: tableSectors * sectorSize,
    mirrored,
    dataStart: dataAt * sectorSize,
    root: wide
      ? { at: 'cluster', cluster: rootCluster }
      : { at: rootAt * sectorSize, length: rootEntries * 32 },
    infoAt: infoSector > 0 && infoSector < reserved ? infoSector * sectorSize : undefined,
    uuid: `${serial.slice(0, 4)}-${serial.slice(4)}`,
    label: labelText(view.slice(wide ? 71 : 43, 11)),
    dirtyMark: (view.u8(wide ? 65 : 37) & 1) !== 0,
    size,
  };
}

const ONE_COPY = 0x80;

/** Bit 7: one copy alone is in force, which bits 0 to 3 name. */
function activeCopy(flags: number, copies: number): number {
  if ((flags & ONE_COPY) === 0) return 0;
  const active = flags & 0x0f;
  if (active >= copies) throw invalid(`copy ${active} of the table is in force`);
  return active;
}

/** Eleven bytes, padded with blanks; "NO NAME" stands for none. */
export function labelText(field: Uint8Array): string {
  const text = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trimEnd();
  return text === 'NO NAME' ? '' : text;
}

export async function readLayout(device: BlockDevice, signal?: AbortSignal): Promise<FatLayout> {
  const bytes = new Uint8Array(BOOT_SECTOR_BYTES);
  await device.read(0, bytes, signal);
  return decodeBootSector(bytes, device.capabilities.size);
}
