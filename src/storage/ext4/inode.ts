import { ByteView, crc32cRaw } from '../../base/index.ts';
import type { FileKind, FileStat } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { INCOMPAT, RO_COMPAT } from './features.ts';
import type { Ext4Layout } from './layout.ts';

/** Inode flags that change how the contents are found. */
export const INODE_FLAG = {
  encrypt: 0x800,
  index: 0x1000,
  hugeFile: 0x40000,
  extents: 0x80000,
  /** Holds the value of an attribute of other inodes. */
  eaInode: 0x200000,
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
  readonly atime: number;
  /** The same four bytes as stored: an inode that holds an attribute's value keeps its hash there. */
  readonly rawAtime: number;
  /** Parts of a second after `mtime`; absent, as `birth`, where the inode is too small for them. */
  readonly mtimeNanoseconds: number | undefined;
  readonly birth: number | undefined;
  /** Bytes that it takes on the volume, its own mapping blocks among them. */
  readonly allocated: number;
  /** The block that holds more of its attributes; 0 where none does. */
  readonly attributeBlock: number;
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
const SECTOR = 512;
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

/** Above the two bits that carry the seconds past 2038; a number that is no part of a second counts as none. */
function nanoseconds(extra: number): number {
  const found = extra >>> 2;
  return found < 1e9 ? found : 0;
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
  const has = (field: number): boolean => extraSize >= field + 4 - BASE_SIZE;
  const time = (low: number, high: number): number =>
    (view.u32le(low) | 0) + (has(high) ? view.u32le(high) & 3 : 0) * 2 ** 32;
  const flags = view.u32le(0x20);
  const huge = (layout.superblock.roCompat & RO_COMPAT.hugeFile) !== 0;
  const blocksUnit = huge && (flags & INODE_FLAG.hugeFile) !== 0 ? layout.superblock.blockSize : SECTOR;
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
    atime: time(0x08, 0x8c),
    rawAtime: view.u32le(0x08),
    mtimeNanoseconds: has(0x88) ? nanoseconds(view.u32le(0x88)) : undefined,
    birth: has(0x94) ? time(0x90, 0x94) : undefined,
    allocated: (view.u32le(0x1c) + (huge ? view.u16le(0x74) * 2 ** 32 : 0)) * blocksUnit,
    attributeBlock: view.u32le(0x68) + view.u16le(0x76) * 2 ** 32,
    flags,
    block: Uint8Array.from(view.slice(0x28, 60)),
    // An inode that gives no size of its fields has never kept anything after them.
    extra:
      extraSize === 0
        ? new Uint8Array(0)
        : Uint8Array.from(view.slice(BASE_SIZE + extraSize, raw.byteLength - BASE_SIZE - extraSize)),
    checksumSeed,
  };
}

/** What an inode tells a reader; `target` for symbolic links. */
export function statOf(inode: Ext4Inode, target?: string): FileStat {
  const { kind, size, mode, uid, gid, links, mtime, ctime, mtimeNanoseconds } = inode;
  return {
    kind,
    inode: inode.number,
    size,
    mode,
    uid,
    gid,
    links,
    mtime,
    ctime,
    ...(mtimeNanoseconds === undefined ? {} : { mtimeNanoseconds }),
    ...(target === undefined ? {} : { target }),
  };
}
