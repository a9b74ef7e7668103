import { concatBytes } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { mapOf } from './contents.ts';
import { checkDirectoryBlock, decodeEntries, type RawEntry } from './dirent.ts';
import { INCOMPAT } from './features.ts';
import { inlinePieces } from './inline-data.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Bytes at the start of an inline directory that name its parent. */
const INLINE_PARENT = 4;

function inlineEntries(inode: Ext4Inode, withKinds: boolean, what: string): RawEntry[] {
  const [first, rest] = inlinePieces(inode);
  if (concatBytes(first, rest).byteLength < inode.size) throw corrupt(`${what} lacks part of its names`);
  const head = decodeEntries(first.subarray(INLINE_PARENT, Math.min(60, inode.size)), withKinds, what);
  const tail = rest.subarray(0, Math.max(0, inode.size - 60));
  return [...head, ...decodeEntries(tail, withKinds, what)];
}

/**
 * The names of a directory, a block at a time, in the order on disk. A hash index is passed over: its blocks look
 * like empty blocks of names. Throws NS_FS_CORRUPT.
 */
export async function* directoryBlocks(
  volume: Ext4Volume,
  inode: Ext4Inode,
  signal?: AbortSignal,
): AsyncGenerator<readonly RawEntry[]> {
  const withKinds = (volume.layout.superblock.incompat & INCOMPAT.filetype) !== 0;
  const what = `directory inode ${inode.number}`;
  if ((inode.flags & INODE_FLAG.inlineData) !== 0) {
    yield inlineEntries(inode, withKinds, what);
    return;
  }
  const blocks = inode.size / volume.blockSize;
  if (!Number.isInteger(blocks) || blocks > volume.layout.superblock.blocksCount) {
    throw corrupt(`${what} has an impossible size`);
  }
  const indexed = (inode.flags & INODE_FLAG.index) !== 0;
  const map = mapOf(volume, inode);
  for (let logical = 0; logical < blocks; logical += 1) {
    signal?.throwIfAborted();
    const { physical } = await map.find(logical, signal);
    if (physical === 0) throw corrupt(`${what} has a hole`);
    const bytes = await volume.block(physical, what, signal);
    if (volume.layout.metadataCsum) {
      checkDirectoryBlock(bytes, inode.checksumSeed, indexed, logical === 0, what);
    }
    yield decodeEntries(bytes, withKinds, what);
  }
}
