import type { BlockExtent } from '../../ports/index.ts';
import type { BlockMap } from './block-map.ts';
import { mapOf } from './contents.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Runs told by one call. */
const MOST_RUNS = 1024;
/** Runs looked at for them: those of one kind become one. */
const MOST_LOOKS = 16 * MOST_RUNS;

/** Where a regular file holds something and where it has holes; nothing past its end. As OpenFile.extents. */
export function extentsOf(
  volume: Ext4Volume,
  inode: Ext4Inode,
): (offset: number, length: number, signal?: AbortSignal) => Promise<readonly BlockExtent[]> {
  const map: BlockMap | undefined =
    (inode.flags & INODE_FLAG.inlineData) === 0 ? mapOf(volume, inode) : undefined;
  const { blockSize } = volume;
  return async (offset, length, signal) => {
    const end = Math.min(inode.size, offset + length);
    if (map === undefined)
      return end > offset ? [{ length: end - offset, allocated: true, zero: false }] : [];
    const runs: BlockExtent[] = [];
    let at = offset;
    for (let look = 0; at < end && look < MOST_LOOKS; look += 1) {
      signal?.throwIfAborted();
      const logical = Math.floor(at / blockSize);
      const { physical, count, unwritten } = await map.find(logical, signal);
      const next = Math.min(end, (logical + count) * blockSize);
      const run = {
        length: next - at,
        allocated: physical !== 0 || unwritten === true,
        zero: physical === 0,
      };
      at = next;
      const last = runs.at(-1);
      if (last?.allocated === run.allocated && last.zero === run.zero) {
        runs[runs.length - 1] = { ...last, length: last.length + run.length };
      } else if (runs.length < MOST_RUNS) runs.push(run);
      else break;
    }
    return runs;
  };
}
