import { ByteView, crc32cRaw, NsError } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import { type Ext4Geometry, openExt4Geometry } from './ext4/geometry.ts';
import type { Ext4Layout } from './ext4/layout.ts';

/** The block in which an inode that is to go keeps extended attributes, and what must become of it. */
export interface AttributeBlock {
  readonly block: number;
  /** True where no other inode shares it: it is to be freed with the inode. */
  readonly last: boolean;
}

const FILE_ACL_LOW = 0x68;
const FILE_ACL_HIGH = 0x76;
const MAGIC = 0xea020000;
const REFERENCES_AT = 4;
const CHECKSUM_AT = 16;

/**
 * Finds the attribute block of an inode; undefined where it has none. Inodes with the same attributes share one block,
 * which counts them: where others still do, the count on the volume goes down by one here and now. Throws
 * NS_FS_CORRUPT.
 */
export async function leaveAttributeBlock(
  volume: BlockDevice,
  inode: number,
  signal: AbortSignal,
  /** Of the volume, where it is known: it does not change by this. */
  known?: Ext4Geometry,
): Promise<AttributeBlock | undefined> {
  const geometry = known ?? (await openExt4Geometry(volume, signal));
  const { layout } = geometry;
  const { inodesPerGroup, inodesCount, inodeSize, blockSize, blocksCount } = layout.superblock;
  if (inode < 1 || inode > inodesCount) throw corrupt(`there is no inode ${inode}`);
  const { inodeTable } = await geometry.group(Math.floor((inode - 1) / inodesPerGroup), signal);
  const raw = new Uint8Array(128);
  await volume.read(inodeTable * blockSize + ((inode - 1) % inodesPerGroup) * inodeSize, raw, signal);
  const fields = new ByteView(raw, 'an inode');
  const block = fields.u32le(FILE_ACL_LOW) + fields.u16le(FILE_ACL_HIGH) * 2 ** 32;
  if (block === 0) return undefined;
  if (block >= blocksCount) throw corrupt(`inode ${inode} keeps attributes outside the filesystem`);
  const content = new Uint8Array(blockSize);
  await volume.read(block * blockSize, content, signal);
  const view = new ByteView(content, 'an attribute block');
  if (view.u32le(0) !== MAGIC) throw corrupt(`the attribute block of inode ${inode} has no magic number`);
  const references = view.u32le(REFERENCES_AT);
  if (references <= 1) return { block, last: true };
  const target = new DataView(content.buffer);
  target.setUint32(REFERENCES_AT, references - 1, true);
  if (layout.metadataCsum) target.setUint32(CHECKSUM_AT, checksumOf(layout, block, content), true);
  await volume.write(block * blockSize, content, signal);
  return { block, last: false };
}

/** CRC-32C over the block's number and its content without the checksum (kernel documentation, "Extended Attributes"). */
function checksumOf(layout: Ext4Layout, block: number, content: Uint8Array): number {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
  const without = content.slice();
  without.fill(0, CHECKSUM_AT, CHECKSUM_AT + 4);
  return crc32cRaw(crc32cRaw(layout.superblock.checksumSeed, number), without);
}

function corrupt(what: string): NsError {
  return new NsError('NS_FS_CORRUPT', what, { family: 'peer' });
}
