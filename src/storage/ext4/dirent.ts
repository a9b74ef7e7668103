import { ByteView, crc32cRaw, fromUtf8 } from '../../base/index.ts';
import type { FileKind } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';

/** One name of a directory, as stored. */
export interface RawEntry {
  /** Undefined where it is not UTF-8. */
  readonly name: string | undefined;
  readonly rawName: Uint8Array;
  readonly inode: number;
  readonly kind: FileKind | 'unknown';
}

const KINDS: readonly (FileKind | 'unknown')[] = [
  'unknown',
  'file',
  'directory',
  'character',
  'block',
  'fifo',
  'socket',
  'symlink',
];

const SLASH = 0x2f;
const DOT = 0x2e;
const TAIL = 12;

const isDotName = (name: Uint8Array): boolean =>
  name[0] === DOT && (name.byteLength === 1 || (name.byteLength === 2 && name[1] === DOT));

function lettersOf(name: Uint8Array): 'ascii' | 'other' | 'impossible' {
  let all = 0;
  for (const byte of name) {
    if (byte === SLASH || byte === 0) return 'impossible';
    all |= byte;
  }
  return all < 0x80 ? 'ascii' : 'other';
}

/** The record length field, which for 64 KiB blocks cannot hold the value itself. */
function recordLength(field: number, space: number): number {
  if (space < 65536) return field;
  return field === 65535 || field === 0 ? 65536 : (field & 65532) | ((field & 3) << 16);
}

/**
 * Decodes the names in one block (or one piece of inline data) of a directory, without "." and "..". Throws
 * NS_FS_CORRUPT. `withKinds`: the volume stores each file's kind beside its name.
 */
export function decodeEntries(bytes: Uint8Array, withKinds: boolean, what: string): RawEntry[] {
  const view = new ByteView(bytes, what);
  const entries: RawEntry[] = [];
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  for (let at = 0; at < bytes.byteLength; ) {
    const inode = view.u32le(at);
    const length = recordLength(view.u16le(at + 4), bytes.byteLength);
    const nameLength = withKinds ? view.u8(at + 6) : view.u16le(at + 6);
    if (length < 8 || length % 4 !== 0 || at + length > bytes.byteLength || 8 + nameLength > length) {
      throw corrupt(`${what} holds an entry of the wrong length`);
    }
    if (inode !== 0) {
      const rawName = view.slice(at + 8, nameLength).slice();
      const letters = lettersOf(rawName);
      if (nameLength === 0 || nameLength > 255 || letters === 'impossible') {
        throw corrupt(`${what} holds an impossible name`);
      }
      // Names are many, and nearly all of them ASCII.
      const name = letters === 'ascii' ? text.slice(at + 8, at + 8 + nameLength) : fromUtf8(rawName);
      const kind = withKinds ? (KINDS[view.u8(at + 7)] ?? 'unknown') : 'unknown';
      if (!isDotName(rawName)) entries.push({ name, rawName, inode, kind });
    }
    at += length;
  }
  return entries;
}

/** Where the index entries of a hashed directory's block begin; undefined where it is a block of names. */
function indexOffset(view: ByteView, isFirst: boolean): number | undefined {
  const length = recordLength(view.u16le(4), view.length);
  if (length === view.length && view.u32le(0) === 0) return 8;
  return isFirst ? 32 : undefined;
}

function checkIndexBlock(view: ByteView, entriesAt: number, seed: number, what: string): void {
  const limit = view.u16le(entriesAt);
  const count = view.u16le(entriesAt + 2);
  const tail = entriesAt + limit * 8;
  if (count > limit || tail + 8 > view.length) throw corrupt(`${what} has a wrong index`);
  let sum = crc32cRaw(seed, view.slice(0, entriesAt + count * 8));
  sum = crc32cRaw(sum, view.slice(tail, 4));
  sum = crc32cRaw(sum, new Uint8Array(4));
  if (sum !== view.u32le(tail + 4)) throw corrupt(`the checksum of ${what} does not fit`);
}

/** Checks the checksum of one directory block; throws NS_FS_CORRUPT. `indexed`: the directory has a hash index. */
export function checkDirectoryBlock(
  bytes: Uint8Array,
  seed: number,
  indexed: boolean,
  isFirst: boolean,
  what: string,
): void {
  const view = new ByteView(bytes, what);
  const entriesAt = indexed ? indexOffset(view, isFirst) : undefined;
  if (entriesAt !== undefined) {
    checkIndexBlock(view, entriesAt, seed, what);
    return;
  }
  const tail = bytes.byteLength - TAIL;
  if (view.u32le(tail) !== 0 || view.u16le(tail + 4) !== TAIL || view.u16le(tail + 6) !== 0xde00) {
    throw corrupt(`${what} has no checksum`);
  }
  if (crc32cRaw(seed, view.slice(0, tail)) !== view.u32le(tail + 8)) {
    throw corrupt(`the checksum of ${what} does not fit`);
  }
}
