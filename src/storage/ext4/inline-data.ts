import { ByteView, concatBytes } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import type { Ext4Inode } from './inode.ts';

const XATTR_MAGIC = 0xea020000;
const SYSTEM = 7;
const MAX_ATTRIBUTES = 256;

/** The value of the "system.data" attribute: what of the inline data did not fit the inode's 60 bytes. */
function overflow(inode: Ext4Inode): Uint8Array {
  const view = new ByteView(inode.extra, `the attributes of inode ${inode.number}`);
  if (view.length < 8 || view.u32le(0) !== XATTR_MAGIC) return new Uint8Array(0);
  let at = 4;
  for (let i = 0; i < MAX_ATTRIBUTES && view.u32le(at) !== 0; i += 1) {
    const nameLength = view.u8(at);
    const name = Buffer.from(view.slice(at + 16, nameLength)).toString('latin1');
    if (view.u8(at + 1) === SYSTEM && name === 'data') {
      if (view.u32le(at + 4) !== 0) throw corrupt(`inode ${inode.number} keeps inline data elsewhere`);
      return view.slice(4 + view.u16le(at + 2), view.u32le(at + 8));
    }
    at += 16 + Math.ceil(nameLength / 4) * 4;
  }
  return new Uint8Array(0);
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
