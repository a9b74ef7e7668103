import { corrupt } from '../corrupt.ts';
import { type BlockMap, LOGICAL_END } from './block-map.ts';
import { ExtentMap } from './extent-map.ts';
import { inlineContents } from './inline-data.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import { PointerMap } from './pointer-map.ts';
import type { Ext4Volume } from './volume.ts';

export function mapOf(volume: Ext4Volume, inode: Ext4Inode): BlockMap {
  return (inode.flags & INODE_FLAG.extents) !== 0
    ? new ExtentMap(volume, inode)
    : new PointerMap(volume, inode);
}

/** A function that fills `into` from a byte of the contents on, and gives the number of bytes put there. */
export type ContentsReader = (offset: number, into: Uint8Array, signal?: AbortSignal) => Promise<number>;

/**
 * The contents of an inode. Neighbouring runs become one read, straight into the caller's buffer; holes and space
 * never written become zeros without a read.
 */
export function contentsOf(volume: Ext4Volume, inode: Ext4Inode): ContentsReader {
  if ((inode.flags & INODE_FLAG.inlineData) !== 0) {
    const whole = inlineContents(inode);
    return async (offset, into) => {
      const piece = whole.subarray(Math.min(offset, whole.byteLength), offset + into.byteLength);
      into.set(piece);
      return piece.byteLength;
    };
  }
  const { blockSize } = volume;
  if (inode.size > LOGICAL_END * blockSize) throw corrupt(`inode ${inode.number} has an impossible size`);
  const map = mapOf(volume, inode);
  return async (offset, into, signal) => {
    const end = Math.min(inode.size, offset + into.byteLength);
    let at = offset;
    while (at < end) {
      signal?.throwIfAborted();
      const logical = Math.floor(at / blockSize);
      const wanted = Math.ceil(end / blockSize) - logical;
      let { physical, count } = await map.find(logical, signal);
      while (count < wanted) {
        const next = await map.find(logical + count, signal);
        if (next.physical !== (physical === 0 ? 0 : physical + count)) break;
        count += next.count;
      }
      const skip = at - logical * blockSize;
      const length = Math.min(end - at, count * blockSize - skip);
      const target = into.subarray(at - offset, at - offset + length);
      if (physical === 0) target.fill(0);
      else await volume.device.read(physical * blockSize + skip, target, signal);
      at += length;
    }
    return Math.max(0, end - offset);
  };
}
