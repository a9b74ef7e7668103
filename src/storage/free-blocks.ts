import type { BlockDevice } from '../ports/index.ts';
import { type Ext4Geometry, openExt4Geometry } from './ext4/geometry.ts';
import type { Ext4Group } from './ext4/groups.ts';
import { type Ext4Layout, groupOverhead, groupStart } from './ext4/layout.ts';

/** Tells whether every byte of a stretch lies in blocks that the volume does not use. */
export type IsFree = (offset: number, length: number) => Promise<boolean>;

/** Bitmaps kept at once. Runs come in ascending order, so one would nearly do. */
const KEPT_GROUPS = 4;

/**
 * Free space of an ext2, ext3 or ext4 volume as its block bitmaps have it. What may hold anything (past the end of the
 * filesystem, metadata of a group whose bitmap was never written) is never called free. Throws NS_FS_CORRUPT.
 */
export async function ext4FreeBlocks(volume: BlockDevice, signal: AbortSignal): Promise<IsFree> {
  const geometry = await openExt4Geometry(volume, signal);
  const map = new FreeMap(volume, geometry, signal);
  const { blockSize, blocksCount, firstDataBlock } = geometry.layout.superblock;
  return async (offset, length) => {
    const first = Math.floor(offset / blockSize);
    const last = Math.floor((offset + length - 1) / blockSize);
    if (first < firstDataBlock || last >= blocksCount) return false;
    return await map.areFree(first, last);
  };
}

/** Blocks `start` to `end`, the last one not included. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

class FreeMap {
  readonly #volume: BlockDevice;
  readonly #geometry: Ext4Geometry;
  readonly #layout: Ext4Layout;
  readonly #signal: AbortSignal;
  /** One bit a cluster, set where it is used; by group, oldest first. */
  readonly #bitmaps = new Map<number, Uint8Array>();
  #metadata: readonly Stretch[] | undefined;

  constructor(volume: BlockDevice, geometry: Ext4Geometry, signal: AbortSignal) {
    this.#volume = volume;
    this.#geometry = geometry;
    this.#layout = geometry.layout;
    this.#signal = signal;
  }

  /** Are all blocks from `first` to `last` free? */
  async areFree(first: number, last: number): Promise<boolean> {
    const { blocksPerGroup, firstDataBlock } = this.#layout.superblock;
    for (let block = first; block <= last; ) {
      const group = Math.floor((block - firstDataBlock) / blocksPerGroup);
      const bitmap = this.#bitmaps.get(group) ?? (await this.#load(group));
      const start = groupStart(this.#layout, group);
      const end = Math.min(last + 1, start + blocksPerGroup);
      for (; block < end; block += 1) {
        const cluster = Math.floor((block - start) / this.#layout.clusterBlocks);
        if (((bitmap[cluster >> 3]! >> (cluster & 7)) & 1) !== 0) return false;
      }
    }
    return true;
  }

  async #load(group: number): Promise<Uint8Array> {
    const { blockSize } = this.#layout.superblock;
    const descriptor = await this.#geometry.group(group, this.#signal);
    const bitmap = new Uint8Array(blockSize);
    if (descriptor.blockUninit) await this.#derive(group, bitmap);
    else await this.#volume.read(descriptor.blockBitmap * blockSize, bitmap, this.#signal);
    if (this.#bitmaps.size >= KEPT_GROUPS) {
      const oldest = this.#bitmaps.keys().next();
      if (oldest.done !== true) this.#bitmaps.delete(oldest.value);
    }
    this.#bitmaps.set(group, bitmap);
    return bitmap;
  }

  /** The bitmap that a group without one stands for: in use are only its share of the volume's metadata. */
  async #derive(group: number, bitmap: Uint8Array): Promise<void> {
    const start = groupStart(this.#layout, group);
    const mark = (from: number, to: number): void => {
      const low = Math.max(from, start);
      const high = Math.min(to, start + this.#layout.superblock.blocksPerGroup);
      for (let block = low; block < high; block += 1) {
        const cluster = Math.floor((block - start) / this.#layout.clusterBlocks);
        bitmap[cluster >> 3]! |= 1 << (cluster & 7);
      }
    };
    mark(start, start + groupOverhead(this.#layout, group));
    this.#metadata ??= await this.#allMetadata();
    for (const stretch of this.#metadata) mark(stretch.start, stretch.end);
  }

  /** Bitmaps and inode tables of all groups: with flex_bg they lie in other groups than their own. */
  async #allMetadata(): Promise<Stretch[]> {
    const { inodesPerGroup } = this.#layout.superblock;
    const tableBlocks = Math.ceil(inodesPerGroup / this.#layout.inodesPerBlock);
    const found: { start: number; end: number }[] = [];
    const add = (start: number, length: number): void => {
      const last = found.at(-1);
      if (last !== undefined && last.end === start) last.end += length;
      else found.push({ start, end: start + length });
    };
    const groups: Ext4Group[] = [];
    for (let group = 0; group < this.#layout.groups; group += 1)
      groups.push(await this.#geometry.group(group, this.#signal));
    for (const { blockBitmap } of groups) add(blockBitmap, 1);
    for (const { inodeBitmap } of groups) add(inodeBitmap, 1);
    for (const { inodeTable } of groups) add(inodeTable, tableBlocks);
    return found;
  }
}
