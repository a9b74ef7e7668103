import { crc32cRaw } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** A time: whole seconds since 1970 and the part of a second after them. */
export interface FineTime {
  readonly seconds: number;
  readonly nanoseconds?: number;
}

/** What an inode is to say; what is absent stays. */
export interface InodeFields {
  /** Permission bits with set-id and sticky; what kind of file it is stays. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: FineTime;
  readonly mtime?: FineTime;
  readonly ctime?: FineTime;
  /** Where the inode has room for it. */
  readonly birth?: FineTime;
}

/** Offsets of struct ext4_inode (kernel documentation, "Index Nodes"). */
const AT = {
  mode: 0x00,
  uid: 0x02,
  size: 0x04,
  atime: 0x08,
  ctime: 0x0c,
  mtime: 0x10,
  gid: 0x18,
  block: 0x28,
  sizeHigh: 0x6c,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  checksumLow: 0x7c,
  extraSize: 0x80,
  checksumHigh: 0x82,
  ctimeExtra: 0x84,
  mtimeExtra: 0x88,
  atimeExtra: 0x8c,
  birth: 0x90,
  birthExtra: 0x94,
} as const;
const BASE_SIZE = 128;
const PERMISSIONS = 0o7777;

/**
 * Changes an inode on the device, with its checksum. `block` are the 60 bytes that hold the root of its extents. The
 * volume's own cache does not see it.
 */
export async function writeInode(
  volume: Ext4Volume,
  device: BlockDevice,
  { number, checksumSeed }: Ext4Inode,
  fields: InodeFields,
  block: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { group, index } = volume.inodeIndex(number);
  const { inodeTable } = await volume.group(group, signal);
  const place = volume.inodePlace(inodeTable, index);
  const at = place.block * volume.blockSize + place.offset;
  const raw = new Uint8Array(volume.layout.superblock.inodeSize);
  await device.read(at, raw, signal);
  const view = new DataView(raw.buffer);
  setFields(view, fields);
  if (block !== undefined) raw.set(block, AT.block);
  if (volume.layout.metadataCsum) {
    const high = reaches(view, AT.checksumHigh - 2);
    view.setUint16(AT.checksumLow, 0, true);
    if (high) view.setUint16(AT.checksumHigh, 0, true);
    const sum = crc32cRaw(checksumSeed, raw);
    view.setUint16(AT.checksumLow, sum & 0xffff, true);
    if (high) view.setUint16(AT.checksumHigh, sum >>> 16, true);
  }
  await device.write(at, raw, signal);
}

/** Has the inode room for the four bytes at an offset behind its first 128? */
function reaches(view: DataView, offset: number): boolean {
  return view.byteLength > BASE_SIZE && view.getUint16(AT.extraSize, true) >= offset + 4 - BASE_SIZE;
}

function setFields(view: DataView, { mode, uid, gid, size, ...times }: InodeFields): void {
  if (mode !== undefined) {
    const kind = view.getUint16(AT.mode, true) & ~PERMISSIONS;
    view.setUint16(AT.mode, kind | (mode & PERMISSIONS), true);
  }
  for (const [id, low, high] of [
    [uid, AT.uid, AT.uidHigh],
    [gid, AT.gid, AT.gidHigh],
  ] as const) {
    if (id === undefined) continue;
    view.setUint16(low, id & 0xffff, true);
    view.setUint16(high, id >>> 16, true);
  }
  if (size !== undefined) {
    view.setUint32(AT.size, size % 2 ** 32, true);
    view.setUint32(AT.sizeHigh, Math.floor(size / 2 ** 32), true);
  }
  for (const [name, low, extra] of [
    ['atime', AT.atime, AT.atimeExtra],
    ['mtime', AT.mtime, AT.mtimeExtra],
    ['ctime', AT.ctime, AT.ctimeExtra],
    ['birth', AT.birth, AT.birthExtra],
  ] as const) {
    const time = times[name];
    if (time !== undefined) setTime(view, low, extra, time);
  }
}

/** The low 32 bits, and where there is room the part of a second above two bits more that carry the seconds past 2038. */
function setTime(view: DataView, low: number, extra: number, { seconds, nanoseconds = 0 }: FineTime): void {
  if (low > BASE_SIZE && !reaches(view, low)) return;
  view.setInt32(low, seconds | 0, true);
  if (!reaches(view, extra)) return;
  const epoch = Math.floor((seconds - (seconds | 0)) / 2 ** 32) & 3;
  view.setUint32(extra, nanoseconds * 4 + epoch, true);
}
