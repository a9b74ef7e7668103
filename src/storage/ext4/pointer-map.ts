import { type BlockMap, type BlockRun, LOGICAL_END } from './block-map.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

const DIRECT = 12;

/** The block pointers of ext2 and ext3: twelve direct ones, then trees one, two and three blocks deep. */
export class PointerMap implements BlockMap {
  readonly #volume: Ext4Volume;
  readonly #inode: Ext4Inode;

  constructor(volume: Ext4Volume, inode: Ext4Inode) {
    this.#volume = volume;
    this.#inode = inode;
  }

  async find(logical: number, signal?: AbortSignal): Promise<BlockRun> {
    if (logical < DIRECT) return this.#scan(this.#inode.block, logical, DIRECT);
    const perBlock = this.#volume.blockSize / 4;
    let index = logical - DIRECT;
    let span = perBlock;
    for (let depth = 1; depth <= 3; depth += 1) {
      if (index < span) {
        const slot = (DIRECT + depth - 1) * 4;
        return await this.#descend(pointerAt(this.#inode.block, slot), depth, index, signal);
      }
      index -= span;
      span *= perBlock;
    }
    return { physical: 0, count: LOGICAL_END - logical };
  }

  async #descend(root: number, depth: number, index: number, signal?: AbortSignal): Promise<BlockRun> {
    const perBlock = this.#volume.blockSize / 4;
    let block = root;
    let inside = index;
    for (let level = depth; level > 0; level -= 1) {
      const below = perBlock ** (level - 1);
      if (block === 0) return { physical: 0, count: below * perBlock - inside };
      const bytes = await this.#volume.block(block, `inode ${this.#inode.number}`, signal);
      const slot = Math.floor(inside / below);
      if (level === 1) return this.#scan(bytes, slot, perBlock);
      block = pointerAt(bytes, slot * 4);
      inside -= slot * below;
    }
    return { physical: 0, count: 1 };
  }

  /** The longest run of neighbours, or of holes, from a slot on. */
  #scan(bytes: Uint8Array, slot: number, slots: number): BlockRun {
    const first = pointerAt(bytes, slot * 4);
    let count = 1;
    while (slot + count < slots) {
      const expected = first === 0 ? 0 : first + count;
      if (pointerAt(bytes, (slot + count) * 4) !== expected) break;
      count += 1;
    }
    if (first !== 0) this.#volume.checkBlocks(first, count, `inode ${this.#inode.number}`);
    return { physical: first, count };
  }
}

function pointerAt(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>>
    0
  );
}
