import { ByteView, crc32cRaw } from '../../base/index.ts';
import type { FileKind, FileStat } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { INCOMPAT } from './features.ts';
import type { Ext4Layout } from './layout.ts';

/** Inode flags that change how the contents are found. */
export const INODE_FLAG = {
  encrypt: 0x800,
  index: 0x1000,
  extents: 0x80000,
  inlineData: 0x10000000,
  casefold: 0x40000000,
} as const;

/** An inode in use. */
export interface Ext4Inode {
  readonly number: number;
  readonly kind: FileKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly flags: number;
  /** The 60 bytes that hold the extent tree's root, block pointers, a short link target or inline data. */
  readonly block: Uint8Array;
  /** The part of the inode after the fixed fields: attributes stored in the inode. */
  readonly extra: Uint8Array;
  /** The start value for the checksums of everything that belongs to the inode. */
  readonly checksumSeed: number;
}

const KINDS: Readonly<Record<number, FileKind>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

const BASE_SIZE = 128;
const CHECKSUM_LOW = 0x7c;
const CHECKSUM_HIGH = 0x82;

function seedOf(layout: Ext4Layout, number: number, generation: number): number {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint32(0, number, true);
  view.setUint32(4, generation, true);
  return crc32cRaw(layout.superblock.checksumSeed, key);
}

function checkChecksum(seed: number, number: number, raw: Uint8Array, hasHigh: boolean): void {
  const view = new ByteView(raw, `inode ${number}`);
  const low = view.u16le(CHECKSUM_LOW);
  const zeroed = Uint8Array.from(raw);
  zeroed.fill(0, CHECKSUM_LOW, CHECKSUM_LOW + 2);
  if (hasHigh) zeroed.fill(0, CHECKSUM_HIGH, CHECKSUM_HIGH + 2);
  const sum = crc32cRaw(seed, zeroed);
  const fits = hasHigh ? sum === low + view.u16le(CHECKSUM_HIGH) * 0x10000 : (sum & 0xffff) === low;
  if (!fits) throw corrupt(`the checksum of inode ${number} does not fit`);
}

/** Decodes and checks an inode that something refers to; throws NS_FS_CORRUPT, also where it is not in use. */
export function decodeInode(layout: Ext4Layout, number: number, raw: Uint8Array): Ext4Inode {
  const view = new ByteView(raw, `inode ${number}`);
  const extraSize = raw.byteLength > BASE_SIZE ? view.u16le(0x80) : 0;
  if (extraSize % 4 !== 0 || BASE_SIZE + extraSize > raw.byteLength) {
    throw corrupt(`inode ${number} gives a wrong size of its own fields`);
  }
  const checksumSeed = layout.metadataCsum ? seedOf(layout, number, view.u32le(0x64)) : 0;
  if (layout.metadataCsum) checkChecksum(checksumSeed, number, raw, extraSize >= 4);
  const rawMode = view.u16le(0x00);
  const kind = KINDS[rawMode >>> 12];
  if (kind === undefined) throw corrupt(`inode ${number} is referred to but not in use`);
  const links = view.u16le(0x1a);
  if (links === 0) throw corrupt(`inode ${number} is referred to but deleted`);
  const largeDir = (layout.superblock.incompat & INCOMPAT.largeDir) !== 0;
  const sizeHigh = kind === 'file' || (kind === 'directory' && largeDir) ? view.u32le(0x6c) : 0;
  const size = view.u32le(0x04) + sizeHigh * 2 ** 32;
  if (!Number.isSafeInteger(size)) throw corrupt(`inode ${number} has an impossible size`);
  const time = (low: number, high: number): number => {
    const epoch = extraSize >= high + 4 - BASE_SIZE ? view.u32le(high) & 3 : 0;
    return (view.u32le(low) | 0) + epoch * 2 ** 32;
  };
  return {
    number,
    kind,
    mode: rawMode & 0o7777,
    uid: view.u16le(0x02) + view.u16le(0x78) * 0x10000,
    gid: view.u16le(0x18) + view.u16le(0x7a) * 0x10000,
    size,
    links,
    mtime: time(0x10, 0x88),
    ctime: time(0x0c, 0x84),
    flags: view.u32le(0x20),
    block: Uint8Array.from(view.slice(0x28, 60)),
    extra: Uint8Array.from(view.slice(BASE_SIZE + extraSize, raw.byteLength - BASE_SIZE - extraSize)),
    checksumSeed,
  };
}

/** What an inode tells a reader; `target` for symbolic links. */
export function statOf(inode: Ext4Inode, target?: string): FileStat {
  const { kind, size, mode, uid, gid, links, mtime, ctime } = inode;
  const stat = { kind, inode: inode.number, size, mode, uid, gid, links, mtime, ctime };
  return target === undefined ? stat : { ...stat, target };
}
