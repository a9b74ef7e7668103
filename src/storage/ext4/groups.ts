import { ByteView, crc16Arc, crc32cRaw } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import type { Ext4Layout } from './layout.ts';

/** One group descriptor: where the group's bitmaps and inode table lie, in blocks from the start of the volume. */
export interface Ext4Group {
  readonly group: number;
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** True where the block bitmap was never written: every block but the group's own metadata is free. */
  readonly blockUninit: boolean;
  readonly inodeUninit: boolean;
}

const CHECKSUM_AT = 0x1e;

function le32(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n, true);
  return bytes;
}

function expectedChecksum(layout: Ext4Layout, group: number, raw: Uint8Array): number | undefined {
  if (layout.metadataCsum) {
    const zeroed = Uint8Array.from(raw);
    zeroed[CHECKSUM_AT] = 0;
    zeroed[CHECKSUM_AT + 1] = 0;
    return crc32cRaw(crc32cRaw(layout.superblock.checksumSeed, le32(group)), zeroed) & 0xffff;
  }
  if (!layout.gdtCsum) return undefined;
  let crc = crc16Arc(0xffff, layout.superblock.uuidBytes);
  crc = crc16Arc(crc, le32(group));
  crc = crc16Arc(crc, raw.subarray(0, CHECKSUM_AT));
  return raw.byteLength > 32 ? crc16Arc(crc, raw.subarray(CHECKSUM_AT + 2)) : crc;
}

/** Decodes and checks one descriptor; throws NS_FS_CORRUPT. */
export function decodeGroup(layout: Ext4Layout, group: number, raw: Uint8Array): Ext4Group {
  const view = new ByteView(raw, `group descriptor ${group}`);
  const expected = expectedChecksum(layout, group, raw);
  if (expected !== undefined && expected !== view.u16le(CHECKSUM_AT)) {
    throw corrupt(`the checksum of group descriptor ${group} does not fit`);
  }
  const wide = raw.byteLength >= 64;
  const block = (low: number, high: number): number =>
    view.u32le(low) + (wide ? view.u32le(high) * 2 ** 32 : 0);
  const { firstDataBlock, blocksCount, inodesPerGroup } = layout.superblock;
  const within = (start: number, count: number): boolean =>
    start > firstDataBlock && start + count <= blocksCount;
  const flags = layout.metadataCsum || layout.gdtCsum ? view.u16le(0x12) : 0;
  const found: Ext4Group = {
    group,
    blockBitmap: block(0x00, 0x20),
    inodeBitmap: block(0x04, 0x24),
    inodeTable: block(0x08, 0x28),
    blockUninit: (flags & 0x2) !== 0,
    inodeUninit: (flags & 0x1) !== 0,
  };
  const tableBlocks = Math.ceil(inodesPerGroup / layout.inodesPerBlock);
  if (
    !within(found.blockBitmap, 1) ||
    !within(found.inodeBitmap, 1) ||
    !within(found.inodeTable, tableBlocks)
  ) {
    throw corrupt(`group descriptor ${group} points outside the filesystem`);
  }
  return found;
}
