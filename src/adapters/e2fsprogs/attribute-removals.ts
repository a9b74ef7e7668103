import type { BlockDevice, VolumeEdit } from '../../ports/index.ts';
import {
  type AttributeBlock,
  type Ext4Geometry,
  leaveAttributeBlock,
  openExt4,
  openExt4Geometry,
} from '../../storage/index.ts';

/**
 * For each path whose removal frees an inode that keeps extended attributes in a block of their own: that block.
 * debugfs `rm` knows nothing of such blocks. The counts of shared ones are set right on the overlay by this.
 */
export async function attributeRemovals(
  overlay: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AttributeBlock>> {
  const found = new Map<string, AttributeBlock>();
  const fileSystem = await openExt4(overlay, signal);
  let geometry: Ext4Geometry | undefined;
  /** Names of an inode that go with this order: a file with other links keeps its attributes. */
  const going = new Map<number, number>();
  for (const edit of edits) {
    const removes = edit.edit === 'put-file' ? edit.replace : edit.edit.startsWith('remove-');
    if (!removes) continue;
    const stat = await fileSystem.stat(edit.path, false, signal);
    // Made by an earlier edit of the same order, or not there: then debugfs says so.
    if (!stat.ok || found.has(edit.path)) continue;
    const { inode, links, kind } = stat.value;
    const count = (going.get(inode) ?? 0) + 1;
    going.set(inode, count);
    if (kind !== 'directory' && count < links) continue;
    geometry ??= await openExt4Geometry(overlay, signal);
    const block = await leaveAttributeBlock(overlay, inode, signal, geometry);
    if (block !== undefined) found.set(edit.path, block);
  }
  return found;
}
