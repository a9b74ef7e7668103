import { corrupt } from '../corrupt.ts';
import { type BlockMap, type BlockRun, LOGICAL_END } from './block-map.ts';
import { checkExtentBlock, decodeExtentNode, type ExtentNode, entryBefore } from './extent-node.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Decoded nodes kept for one file. */
const MAX_NODES = 32;

/** A file's extent tree. The depth falls by one with each step down, so a tree that points at itself ends. */
export class ExtentMap implements BlockMap {
  readonly #volume: Ext4Volume;
  readonly #inode: Ext4Inode;
  readonly #root: ExtentNode;
  readonly #nodes = new Map<number, ExtentNode>();

  constructor(volume: Ext4Volume, inode: Ext4Inode) {
    this.#volume = volume;
    this.#inode = inode;
    this.#root = decodeExtentNode(inode.block, undefined, `inode ${inode.number}`);
    this.#checkLeaf(this.#root);
  }

  #checkLeaf(node: ExtentNode): void {
    if (node.depth > 0) return;
    for (let i = 0; i < node.length; i += 1) {
      const physical = node.physical[i]!;
      if (physical !== 0) this.#volume.checkBlocks(physical, node.count[i]!, `inode ${this.#inode.number}`);
    }
  }

  async #child(block: number, depth: number, signal?: AbortSignal): Promise<ExtentNode> {
    const known = this.#nodes.get(block);
    if (known !== undefined && known.depth === depth) {
      this.#nodes.delete(block);
      this.#nodes.set(block, known);
      return known;
    }
    const what = `an extent block of inode ${this.#inode.number}`;
    const bytes = await this.#volume.block(block, what, signal);
    const node = decodeExtentNode(bytes, depth, what);
    if (this.#volume.layout.metadataCsum) checkExtentBlock(bytes, this.#inode.checksumSeed, what);
    this.#checkLeaf(node);
    if (this.#nodes.size >= MAX_NODES) {
      const oldest = this.#nodes.keys().next();
      if (oldest.done !== true) this.#nodes.delete(oldest.value);
    }
    this.#nodes.set(block, node);
    return node;
  }

  async find(logical: number, signal?: AbortSignal): Promise<BlockRun> {
    let node = this.#root;
    let end = LOGICAL_END;
    for (;;) {
      const at = entryBefore(node, logical);
      const next = at + 1 < node.length ? Math.min(end, node.logical[at + 1]!) : end;
      if (at < 0) return { physical: 0, count: next - logical };
      if (node.depth === 0) return this.#run(node, at, logical, next);
      const child = await this.#child(node.physical[at]!, node.depth - 1, signal);
      if (child.length > 0 && (child.logical[0]! < node.logical[at]! || child.logical[0]! >= next)) {
        throw corrupt(`inode ${this.#inode.number} has extents outside their place in the tree`);
      }
      node = child;
      end = next;
    }
  }

  #run(leaf: ExtentNode, at: number, logical: number, next: number): BlockRun {
    const skip = logical - leaf.logical[at]!;
    const left = leaf.count[at]! - skip;
    if (left <= 0) return { physical: 0, count: next - logical };
    if (logical + left > next) {
      throw corrupt(`inode ${this.#inode.number} has extents outside their place in the tree`);
    }
    const physical = leaf.physical[at]!;
    return physical === 0
      ? { physical, count: left, unwritten: true }
      : { physical: physical + skip, count: left };
  }
}
