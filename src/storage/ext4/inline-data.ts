import { concatBytes } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { inodeAttributes, isInlineData } from './attribute-entries.ts';
import type { Ext4Inode } from './inode.ts';

/** The value of the "system.data" attribute: what of the inline data did not fit the inode's 60 bytes. */
function overflow(inode: Ext4Inode): Uint8Array {
  const what = `the attributes of inode ${inode.number}`;
  const found = inodeAttributes(inode.extra, what).find(isInlineData);
  if (found === undefined) return new Uint8Array(0);
  if (found.valueInode !== 0) throw corrupt(`inode ${inode.number} keeps inline data elsewhere`);
  return found.value;
}

/** The two pieces in which an inode keeps its contents in itself. */
export function inlinePieces(inode: Ext4Inode): readonly [Uint8Array, Uint8Array] {
  return [inode.block, overflow(inode)];
}

/** The contents of a file kept in its inode, exactly `size` bytes; throws NS_FS_CORRUPT where there are fewer. */
export function inlineContents(inode: Ext4Inode): Uint8Array {
  const whole = concatBytes(...inlinePieces(inode));
  if (whole.byteLength < inode.size) throw corrupt(`inode ${inode.number} lacks part of its inline data`);
  return whole.subarray(0, inode.size);
}
