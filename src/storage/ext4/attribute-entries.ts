import { ByteView, crc32cRaw } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import type { Ext4Superblock } from './superblock.ts';

/** One extended attribute as stored (kernel documentation, "Extended Attributes"). */
export interface StoredAttribute {
  /** Which prefix its name goes with. */
  readonly index: number;
  readonly name: Uint8Array;
  readonly size: number;
  /** Of name and value. */
  readonly hash: number;
  /** The inode that holds the value; 0 where `value` does. */
  readonly valueInode: number;
  readonly value: Uint8Array;
}

const MAGIC = 0xea020000;
const HEADER = 32;
const CHECKSUM_AT = 16;
const ENTRY = 16;
const NAME_SHIFT = 5;
const VALUE_SHIFT = 16;
const SYSTEM = 7;

/** Attributes that an inode keeps after its own fields; none where there is no magic number. Throws NS_FS_CORRUPT. */
export function inodeAttributes(extra: Uint8Array, what: string): StoredAttribute[] {
  const view = new ByteView(extra, what);
  return view.length < 8 || view.u32le(0) !== MAGIC ? [] : entriesOf(view, 4, 4, what);
}

/** Attributes of the block that an inode names for them; throws NS_FS_CORRUPT. */
export function blockAttributes(
  superblock: Ext4Superblock,
  metadataCsum: boolean,
  number: number,
  block: Uint8Array,
): StoredAttribute[] {
  const what = `attribute block ${number}`;
  const view = new ByteView(block, what);
  if (view.u32le(0) !== MAGIC) throw corrupt(`${what} has no magic number`);
  if (view.u32le(8) !== 1) throw corrupt(`${what} says that it is ${view.u32le(8)} blocks long`);
  if (metadataCsum && view.u32le(CHECKSUM_AT) !== checksumOf(superblock.checksumSeed, number, block)) {
    throw corrupt(`the checksum of ${what} does not fit`);
  }
  return entriesOf(view, HEADER, 0, what);
}

/** Over the block's number and its content without the checksum. */
function checksumOf(seed: number, number: number, block: Uint8Array): number {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setBigUint64(0, BigInt(number), true);
  const zeroed = block.slice();
  zeroed.fill(0, CHECKSUM_AT, CHECKSUM_AT + 4);
  return crc32cRaw(crc32cRaw(seed, place), zeroed);
}

/** Entries from `first` on, up to four zero bytes; values begin at `base` and lie behind the entries. */
function entriesOf(view: ByteView, first: number, base: number, what: string): StoredAttribute[] {
  const found: StoredAttribute[] = [];
  const places: number[] = [];
  let at = first;
  while (view.u32le(at) !== 0) {
    const nameLength = view.u8(at);
    const size = view.u32le(at + 8);
    const valueInode = view.u32le(at + 4);
    const place = base + view.u16le(at + 2);
    const inPlace = valueInode === 0 && size > 0;
    if (inPlace) places.push(place);
    found.push({
      index: view.u8(at + 1),
      name: view.slice(at + ENTRY, nameLength),
      size,
      hash: view.u32le(at + 12),
      valueInode,
      value: inPlace ? view.slice(place, size) : new Uint8Array(0),
    });
    at += ENTRY + Math.ceil(nameLength / 4) * 4;
  }
  if (places.some((place) => place < at + 4)) throw corrupt(`${what} has a value among its names`);
  return found;
}

/** The rest of a file that is kept in its inode: no attribute of anybody. */
export function isInlineData({ index, name }: StoredAttribute): boolean {
  return index === SYSTEM && Buffer.from(name).toString('latin1') === 'data';
}

/**
 * What an entry's hash must be where another inode holds the value: over the name and the value's own hash. Names past
 * ASCII were once taken as signed bytes; both count.
 */
export function entryHashes(name: Uint8Array, valueHash: number): readonly [number, number] {
  const over = (signed: boolean): number => {
    let hash = 0;
    for (const byte of name) {
      const value = signed ? (byte << 24) >> 24 : byte;
      hash = ((hash << NAME_SHIFT) ^ (hash >>> (32 - NAME_SHIFT)) ^ value) >>> 0;
    }
    return ((hash << VALUE_SHIFT) ^ (hash >>> (32 - VALUE_SHIFT)) ^ valueHash) >>> 0;
  };
  return [over(false), over(true)];
}
