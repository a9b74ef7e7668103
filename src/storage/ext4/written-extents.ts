import { ByteView, crc32cRaw } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { checkExtentBlock, decodeExtentNode, type ExtentNode } from './extent-node.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

const HEADER = 12;
const ENTRY = 12;
const LENGTH_AT = 4;
/** A longer length field means "not yet written", less this number. */
const MAX_WRITTEN = 32768;

/** Blocks of a file that lie together, on the file and on the volume. */
export interface FileRun {
  readonly logical: number;
  readonly physical: number;
  readonly count: number;
}

export interface WrittenExtents {
  readonly runs: readonly FileRun[];
  /** What the inode is to hold of them, in its 60 bytes for that. */
  readonly root: Uint8Array;
}

/**
 * Turns every extent of a file that is set aside but not written into a written one, on the device, but for those in the
 * inode itself; and tells of them all. The volume's own cache does not see it: it must not be asked for this file again.
 * Throws NS_FS_CORRUPT.
 */
export async function markWritten(
  volume: Ext4Volume,
  device: BlockDevice,
  inode: Ext4Inode,
  signal: AbortSignal,
): Promise<WrittenExtents> {
  const what = `inode ${inode.number}`;
  const runs: FileRun[] = [];
  let end = 0;
  /** What a node says, and whether it was changed. */
  const visit = async (bytes: Uint8Array, depth: number | undefined): Promise<boolean> => {
    const changed = flip(bytes);
    const node = decodeExtentNode(bytes, depth, what);
    if (depth !== undefined && node.length === 0) throw corrupt(`${what} has an empty extent block`);
    for (let i = 0; i < node.length; i += 1) {
      if (node.logical[i]! < end) throw corrupt(`${what} has extents outside their place in the tree`);
      if (node.depth > 0) await visitChild(node, i);
      else {
        const run = { logical: node.logical[i]!, physical: node.physical[i]!, count: node.count[i]! };
        volume.checkBlocks(run.physical, run.count, what);
        runs.push(run);
        end = run.logical + run.count;
      }
    }
    return changed;
  };
  const visitChild = async (node: ExtentNode, at: number): Promise<void> => {
    signal.throwIfAborted();
    const block = node.physical[at]!;
    const bytes = (await volume.block(block, what, signal)).slice();
    const { metadataCsum } = volume.layout;
    if (metadataCsum) checkExtentBlock(bytes, inode.checksumSeed, `an extent block of ${what}`);
    if (!(await visit(bytes, node.depth - 1))) return;
    if (metadataCsum) {
      const tail = HEADER + new ByteView(bytes).u16le(4) * ENTRY;
      const sum = crc32cRaw(inode.checksumSeed, bytes.subarray(0, tail));
      new DataView(bytes.buffer).setUint32(tail, sum, true);
    }
    await device.write(block * volume.blockSize, bytes, signal);
  };
  const root = inode.block.slice();
  await visit(root, undefined);
  return { runs, root };
}

/** Makes the extents of a leaf written; true where there were any that were not. */
function flip(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [entries, depth] = [view.getUint16(2, true), view.getUint16(6, true)];
  if (depth > 0 || HEADER + entries * ENTRY > bytes.byteLength) return false;
  let changed = false;
  for (let i = 0; i < entries; i += 1) {
    const at = HEADER + i * ENTRY + LENGTH_AT;
    const length = view.getUint16(at, true);
    if (length <= MAX_WRITTEN) continue;
    view.setUint16(at, length - MAX_WRITTEN, true);
    changed = true;
  }
  return changed;
}
