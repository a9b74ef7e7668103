import { ByteView, crc32cRaw, fromUtf8Lossy, NsError, toHex } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { COMPAT, INCOMPAT, RO_COMPAT } from './features.ts';

/** Where the primary superblock lies on the volume, in bytes, and how long it is. */
export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_SIZE = 1024;
const MAGIC = 0xef53;
const CHECKSUM_AT = 0x3fc;
const CRC32C = 1;

/** The fields of an ext2, ext3 or ext4 superblock that this house uses. Counts and block numbers are plain numbers. */
export interface Ext4Superblock {
  readonly type: 'ext2' | 'ext3' | 'ext4';
  readonly inodesCount: number;
  readonly blocksCount: number;
  /** In clusters where the volume has the bigalloc feature, else in blocks. */
  readonly freeCount: number;
  /** s_wtime: when the superblock was last written, whole seconds since 1970. */
  readonly lastWrite: number;
  readonly firstDataBlock: number;
  readonly blockSize: number;
  readonly clusterSize: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  readonly inodesPerGroup: number;
  /** Bit 0: unmounted cleanly; bit 1: errors found; bit 2: orphans being recovered. */
  readonly state: number;
  readonly inodeSize: number;
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
  readonly uuid: string;
  readonly label: string;
  readonly reservedGdtBlocks: number;
  readonly journalInode: number;
  readonly lastOrphan: number;
  readonly descriptorSize: number;
  readonly firstMetaBg: number;
  /** With sparse_super2: the two groups that hold backups. */
  readonly backupGroups: readonly [number, number];
  readonly mmpBlock: number;
  /** The start value of every metadata checksum of the volume. */
  readonly checksumSeed: number;
  readonly uuidBytes: Uint8Array;
  /** False where the superblock carries a checksum that does not fit. */
  readonly checksumFits: boolean;
}

/** "8ac11aa5-4d0e-4b0d-9d0c-6a1e6d3c8b0f" */
export function formatUuid(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function typeOf(compat: number, incompat: number, roCompat: number): 'ext2' | 'ext3' | 'ext4' {
  const ext3Incompat = INCOMPAT.filetype | INCOMPAT.recover | INCOMPAT.metaBg | INCOMPAT.journalDevice;
  const ext3RoCompat = RO_COMPAT.sparseSuper | RO_COMPAT.largeFile | RO_COMPAT.btreeDir;
  if ((incompat & ~ext3Incompat) !== 0 || (roCompat & ~ext3RoCompat) !== 0) return 'ext4';
  return (compat & COMPAT.hasJournal) !== 0 ? 'ext3' : 'ext2';
}

/**
 * Decodes the 1024 bytes at byte 1024 of a volume; undefined where they are not a superblock at all. Whether the
 * numbers fit together is checked later, by `layoutOf`.
 */
export function decodeSuperblock(bytes: Uint8Array): Ext4Superblock | undefined {
  const view = new ByteView(bytes, 'the superblock');
  if (view.u16le(0x38) !== MAGIC) return undefined;
  const logBlockSize = view.u32le(0x18);
  const logClusterSize = view.u32le(0x1c);
  if (logBlockSize > 6 || logClusterSize > 20) return undefined;
  const dynamic = view.u32le(0x4c) >= 1;
  const compat = dynamic ? view.u32le(0x5c) : 0;
  const incompat = dynamic ? view.u32le(0x60) : 0;
  const roCompat = dynamic ? view.u32le(0x64) : 0;
  const wide = (incompat & INCOMPAT.bit64) !== 0;
  const high = (offset: number): number => (wide ? view.u32le(offset) * 2 ** 32 : 0);
  const uuidBytes = Uint8Array.from(view.slice(0x68, 16));
  const labelBytes = view.slice(0x78, 16);
  const labelEnd = labelBytes.indexOf(0);
  const blockSize = 1024 << logBlockSize;
  const bigalloc = (roCompat & RO_COMPAT.bigalloc) !== 0;
  const checksummed = (roCompat & RO_COMPAT.metadataCsum) !== 0;
  return {
    type: typeOf(compat, incompat, roCompat),
    inodesCount: view.u32le(0x00),
    blocksCount: view.u32le(0x04) + high(0x150),
    freeCount: view.u32le(0x0c) + high(0x158),
    lastWrite: view.u32le(0x30),
    firstDataBlock: view.u32le(0x14),
    blockSize,
    clusterSize: bigalloc ? 1024 * 2 ** logClusterSize : blockSize,
    blocksPerGroup: view.u32le(0x20),
    clustersPerGroup: bigalloc ? view.u32le(0x24) : view.u32le(0x20),
    inodesPerGroup: view.u32le(0x28),
    state: view.u16le(0x3a),
    inodeSize: dynamic ? view.u16le(0x58) : 128,
    compat,
    incompat,
    roCompat,
    uuid: formatUuid(uuidBytes),
    label: fromUtf8Lossy(labelEnd < 0 ? labelBytes : labelBytes.subarray(0, labelEnd)),
    reservedGdtBlocks: view.u16le(0xce),
    journalInode: view.u32le(0xe0),
    lastOrphan: view.u32le(0xe8),
    descriptorSize: wide ? view.u16le(0xfe) : 32,
    firstMetaBg: view.u32le(0x104),
    backupGroups: [view.u32le(0x24c), view.u32le(0x250)],
    mmpBlock: Number(view.u64le(0x168)),
    checksumSeed: (incompat & INCOMPAT.csumSeed) !== 0 ? view.u32le(0x270) : crc32cRaw(0xffffffff, uuidBytes),
    uuidBytes,
    checksumFits:
      !checksummed ||
      (view.u8(0x175) === CRC32C &&
        crc32cRaw(0xffffffff, view.slice(0, CHECKSUM_AT)) === view.u32le(CHECKSUM_AT)),
  };
}

/** Reads the primary superblock; undefined where the volume holds none. */
export async function readSuperblock(
  device: BlockDevice,
  signal?: AbortSignal,
): Promise<Ext4Superblock | undefined> {
  if (device.capabilities.size < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) return undefined;
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  await device.read(SUPERBLOCK_OFFSET, bytes, signal);
  return decodeSuperblock(bytes);
}

/** Reads the primary superblock of a volume known to be ext2, ext3 or ext4. */
export async function requireSuperblock(device: BlockDevice, signal?: AbortSignal): Promise<Ext4Superblock> {
  const superblock = await readSuperblock(device, signal);
  if (superblock === undefined) {
    throw new NsError('NS_FS_CORRUPT', `${device.name} holds no ext2, ext3 or ext4 superblock`, {
      family: 'peer',
    });
  }
  return superblock;
}
