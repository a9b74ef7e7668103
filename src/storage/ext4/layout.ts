import { corrupt } from '../corrupt.ts';
import { COMPAT, INCOMPAT, RO_COMPAT } from './features.ts';
import type { Ext4Superblock } from './superblock.ts';

/** Where things lie on an ext2, ext3 or ext4 volume, as far as the superblock alone tells. Units are blocks. */
export interface Ext4Layout {
  readonly superblock: Ext4Superblock;
  readonly groups: number;
  readonly descriptorsPerBlock: number;
  /** Blocks that hold the whole descriptor table. */
  readonly descriptorBlocks: number;
  /** Blocks in one cluster; 1 without bigalloc. */
  readonly clusterBlocks: number;
  readonly inodesPerBlock: number;
  readonly metadataCsum: boolean;
  readonly gdtCsum: boolean;
}

const isPowerOfTwo = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));

/** Checks that the superblock's numbers fit each other and a device of `deviceSize` bytes; throws NS_FS_CORRUPT. */
export function layoutOf(superblock: Ext4Superblock, deviceSize: number): Ext4Layout {
  const s = superblock;
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw corrupt(`the superblock is wrong: ${what}`);
  };
  must(s.checksumFits, 'its checksum does not fit');
  must(s.blocksCount * s.blockSize <= deviceSize, 'the filesystem is larger than its device');
  must(s.firstDataBlock <= 1 && s.firstDataBlock < s.blocksCount, 'first data block');
  must(s.clusterSize >= s.blockSize && isPowerOfTwo(s.clusterSize), 'cluster size');
  const clusterBlocks = s.clusterSize / s.blockSize;
  must(s.clustersPerGroup > 0 && s.clustersPerGroup <= 8 * s.blockSize, 'clusters in a group');
  must(s.blocksPerGroup === s.clustersPerGroup * clusterBlocks, 'blocks in a group');
  must(s.inodesPerGroup > 0 && s.inodesPerGroup <= 8 * s.blockSize, 'inodes in a group');
  must(s.inodeSize >= 128 && s.inodeSize <= s.blockSize && isPowerOfTwo(s.inodeSize), 'inode size');
  const wide = (s.incompat & INCOMPAT.bit64) !== 0;
  must(
    isPowerOfTwo(s.descriptorSize) && s.descriptorSize >= (wide ? 64 : 32) && s.descriptorSize <= s.blockSize,
    'descriptor size',
  );
  const groups = Math.ceil((s.blocksCount - s.firstDataBlock) / s.blocksPerGroup);
  must(s.inodesCount === groups * s.inodesPerGroup, 'inode count');
  const descriptorsPerBlock = s.blockSize / s.descriptorSize;
  const metadataCsum = (s.roCompat & RO_COMPAT.metadataCsum) !== 0;
  return {
    superblock,
    groups,
    descriptorsPerBlock,
    descriptorBlocks: Math.ceil(groups / descriptorsPerBlock),
    clusterBlocks,
    inodesPerBlock: s.blockSize / s.inodeSize,
    metadataCsum,
    gdtCsum: !metadataCsum && (s.roCompat & RO_COMPAT.gdtCsum) !== 0,
  };
}

/** The first block of a group. */
export function groupStart(layout: Ext4Layout, group: number): number {
  return layout.superblock.firstDataBlock + group * layout.superblock.blocksPerGroup;
}

function isPowerOf(base: number, n: number): boolean {
  let power = base;
  while (power < n) power *= base;
  return power === n;
}

/** Does the group begin with a copy of the superblock (the primary one in group 0)? */
export function groupHasSuperblock(layout: Ext4Layout, group: number): boolean {
  const { compat, roCompat, backupGroups } = layout.superblock;
  if (group === 0) return true;
  if ((compat & COMPAT.sparseSuper2) !== 0) return backupGroups.includes(group);
  if ((roCompat & RO_COMPAT.sparseSuper) === 0 || group === 1) return true;
  return group % 2 === 1 && (isPowerOf(3, group) || isPowerOf(5, group) || isPowerOf(7, group));
}

/** The block that holds the n-th block of the group descriptor table (primary copy). */
export function descriptorBlock(layout: Ext4Layout, index: number): number {
  const { incompat, firstMetaBg, blockSize, firstDataBlock } = layout.superblock;
  if ((incompat & INCOMPAT.metaBg) === 0 || index < firstMetaBg) {
    return (blockSize === 1024 ? 1 : 0) + 1 + index;
  }
  const group = index * layout.descriptorsPerBlock;
  let block = groupStart(layout, group) + (groupHasSuperblock(layout, group) ? 1 : 0);
  if (blockSize === 1024 && index === 0 && firstDataBlock === 0) block += 1;
  return block;
}

/**
 * The blocks at the start of a group that hold a superblock copy, descriptor blocks and blocks kept for a larger
 * descriptor table, counted from the group's first block. Zero where it holds none.
 */
export function groupOverhead(layout: Ext4Layout, group: number): number {
  const { incompat, firstMetaBg, firstDataBlock, blockSize, reservedGdtBlocks } = layout.superblock;
  // With clusters of 1 KiB blocks the first group begins with the boot block, and the superblock comes after it.
  const bootBlock = group === 0 && blockSize === 1024 && firstDataBlock === 0 ? 1 : 0;
  const withSuper = groupHasSuperblock(layout, group) ? 1 + bootBlock : 0;
  const metaBg = (incompat & INCOMPAT.metaBg) !== 0;
  const metaGroup = Math.floor(group / layout.descriptorsPerBlock);
  if (metaBg && metaGroup >= firstMetaBg) {
    const inGroup = group % layout.descriptorsPerBlock;
    const holds = inGroup === 0 || inGroup === 1 || inGroup === layout.descriptorsPerBlock - 1;
    return withSuper + (holds ? 1 : 0);
  }
  if (withSuper === 0) return 0;
  const table = metaBg ? Math.min(firstMetaBg, layout.descriptorBlocks) : layout.descriptorBlocks;
  return withSuper + table + reservedGdtBlocks;
}
