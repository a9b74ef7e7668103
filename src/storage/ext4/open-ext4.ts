import type { BlockDevice, FileSystem, VolumeFacts, VolumeLimits } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { NodeFileSystem, type NodeReader } from '../node-file-system.ts';
import { describe, describeMany, extrasOfInode, listInode, openInode } from './entries.ts';
import { COMPAT } from './features.ts';
import type { Ext4Inode } from './inode.ts';
import { NameLookup } from './name-lookup.ts';
import { walkPath } from './path-walk.ts';
import { type Ext4Volume, openVolume } from './volume.ts';

/** The head of an attribute block, and the zeros that end its names. */
const XATTR_BLOCK_OWN = 36;

/** Inodes of 128 bytes have no room for parts of a second; a volume may be without extended attributes. */
function limitsOf(inodeSize: number, xattrs: boolean): VolumeLimits | undefined {
  if (inodeSize > 128 && xattrs) return undefined;
  return {
    caseless: false,
    owners: true,
    timeStep: inodeSize > 128 ? 1e-9 : 1,
    largestFile: Number.MAX_SAFE_INTEGER,
    xattrs,
  };
}

function factsOf(volume: Ext4Volume): VolumeFacts {
  const { type, label, uuid, blockSize, blocksCount, freeCount, clusterSize, lastWrite, inodeSize, compat } =
    volume.layout.superblock;
  const limits = limitsOf(inodeSize, (compat & COMPAT.extAttr) !== 0);
  return {
    type,
    label,
    uuid,
    blockSize,
    size: blocksCount * blockSize,
    free: freeCount * clusterSize,
    lastWrite,
    earliestTime: -(2 ** 31),
    // Larger inodes have two bits more for each time.
    latestTime: (inodeSize > 128 ? 2 ** 34 : 2 ** 32) - 2 ** 31 - 1,
    xattrRoom: blockSize - XATTR_BLOCK_OWN,
    ...(limits === undefined ? {} : { limits }),
  };
}

function readerOf(volume: Ext4Volume): NodeReader<Ext4Inode> {
  const lookup = new NameLookup(volume);
  return {
    walk: (path, follow, signal) => walkPath(volume, lookup, path, follow, signal),
    find: ({ inode }, signal) => volume.inode(inode, signal),
    stat: (inode, signal) => describe(volume, inode, signal),
    statMany: (entries, signal) => describeMany(volume, entries, signal),
    list: (inode, what, signal) => listInode(volume, inode, what, signal),
    open: (inode, what) => openInode(volume, inode, what),
    extras: (inode, what, signal) => extrasOfInode(volume, inode, what, signal),
  };
}

/**
 * Opens an ext2, ext3 or ext4 volume for reading. Nothing is ever written, and a dirty journal is not replayed: open
 * a replayed overlay for that. Throws NS_FS_CORRUPT; NS_FS_UNSUPPORTED where the gate would have refused.
 */
export async function openExt4(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  const volume = await overHostileBytes(() => openVolume(device, signal));
  return new NodeFileSystem(factsOf(volume), readerOf(volume));
}
