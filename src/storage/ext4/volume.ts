import { MiB, NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { BlockCache } from '../block-cache.ts';
import { corrupt } from '../corrupt.ts';
import { unreadableFeatures } from './features.ts';
import { decodeGroup, type Ext4Group } from './groups.ts';
import { decodeInode, type Ext4Inode } from './inode.ts';
import { descriptorBlock, type Ext4Layout, layoutOf } from './layout.ts';
import { requireSuperblock } from './superblock.ts';

const CACHE_BYTES = 4 * MiB;
/** Blocks of metadata read at once: its tables and directories lie close together. */
const TOGETHER = 8;

/** An ext2, ext3 or ext4 volume: its layout, and its blocks, group descriptors and inodes by number. */
export class Ext4Volume {
  readonly device: BlockDevice;
  readonly layout: Ext4Layout;
  readonly #cache: BlockCache;

  constructor(device: BlockDevice, layout: Ext4Layout) {
    this.device = device;
    this.layout = layout;
    this.#cache = new BlockCache(device, layout.superblock.blockSize, CACHE_BYTES, TOGETHER);
  }

  get blockSize(): number {
    return this.layout.superblock.blockSize;
  }

  /** Throws NS_FS_CORRUPT where the blocks do not lie within the filesystem. */
  checkBlocks(start: number, count: number, what: string): void {
    const { firstDataBlock, blocksCount } = this.layout.superblock;
    if (start <= firstDataBlock || start + count > blocksCount) {
      throw corrupt(`${what} points to block ${start}, outside the filesystem`);
    }
  }

  /** A block of metadata, through the cache. The bytes belong to the cache. */
  async block(number: number, what: string, signal?: AbortSignal): Promise<Uint8Array> {
    this.checkBlocks(number, 1, what);
    return await this.#cache.read(number, signal);
  }

  async group(number: number, signal?: AbortSignal): Promise<Ext4Group> {
    const { descriptorsPerBlock, groups, superblock } = this.layout;
    if (!Number.isInteger(number) || number < 0 || number >= groups) {
      throw new NsError('NS_FS_GROUP_RANGE', `there is no group ${number}`, { family: 'caller' });
    }
    const at = descriptorBlock(this.layout, Math.floor(number / descriptorsPerBlock));
    const block = await this.block(at, 'the descriptor table', signal);
    const size = superblock.descriptorSize;
    const offset = (number % descriptorsPerBlock) * size;
    return decodeGroup(this.layout, number, block.subarray(offset, offset + size));
  }

  async inode(number: number, signal?: AbortSignal): Promise<Ext4Inode> {
    const { inodeSize } = this.layout.superblock;
    const { group, index } = this.inodeIndex(number);
    const { inodeTable } = await this.group(group, signal);
    const { block: at, offset } = this.inodePlace(inodeTable, index);
    const block = await this.block(at, `the inode table of group ${group}`, signal);
    return decodeInode(this.layout, number, block.subarray(offset, offset + inodeSize));
  }

  /** Which inode of which group a number means; throws NS_FS_CORRUPT where there is none. */
  inodeIndex(number: number): { readonly group: number; readonly index: number } {
    const { inodesCount, inodesPerGroup } = this.layout.superblock;
    if (number < 1 || number > inodesCount) throw corrupt(`there is no inode ${number}`);
    const index = (number - 1) % inodesPerGroup;
    return { group: (number - 1 - index) / inodesPerGroup, index };
  }

  /** The block that an inode of a group is in, and where in it, in bytes. */
  inodePlace(table: number, index: number): { readonly block: number; readonly offset: number } {
    const { inodesPerBlock, superblock } = this.layout;
    return {
      block: table + Math.floor(index / inodesPerBlock),
      offset: (index % inodesPerBlock) * superblock.inodeSize,
    };
  }
}

/** Opens a volume. Throws NS_FS_CORRUPT, or NS_FS_UNSUPPORTED where it has a feature that changes the layout unknown to us. */
export async function openVolume(device: BlockDevice, signal?: AbortSignal): Promise<Ext4Volume> {
  const superblock = await requireSuperblock(device, signal);
  const unknown = unreadableFeatures(superblock);
  if (unknown !== undefined) {
    throw new NsError('NS_FS_UNSUPPORTED', `${device.name} uses features not read here: ${unknown}`, {
      family: 'peer',
    });
  }
  return new Ext4Volume(device, layoutOf(superblock, device.capabilities.size));
}
