import { concatBytes } from '../../base/index.ts';

/** The fields of one header, as they stand there; a number that is none is NaN. */
export interface RawHeader {
  readonly name: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** One letter. */
  readonly type: string;
  readonly linkName: Uint8Array;
}

const CHECKSUM_AT = 148;
const TYPE_AT = 156;
const MAGIC_AT = 257;
const PREFIX_AT = 345;

export const isZeroBlock = (block: Uint8Array): boolean => block.every((byte) => byte === 0);

/** ustar (POSIX.1-1988), and what GNU tar makes of it. A fault in words where it is no header. */
export function readHeader(block: Uint8Array): RawHeader | string {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    sum += at >= CHECKSUM_AT && at < CHECKSUM_AT + 8 ? 0x20 : byte;
  }
  if (numberAt(block, CHECKSUM_AT, 8) !== sum) return 'this is no header of an archive';
  const size = numberAt(block, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0) return 'a size in a header is none';
  const magic = Buffer.from(block.subarray(MAGIC_AT, MAGIC_AT + 6)).toString('latin1');
  const name = textAt(block, 0, 100);
  const prefix = magic === 'ustar\0' ? textAt(block, PREFIX_AT, 155) : new Uint8Array(0);
  return {
    name: prefix.byteLength === 0 ? name : concatBytes(prefix, new Uint8Array([0x2f]), name),
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: numberAt(block, 108, 8),
    gid: numberAt(block, 116, 8),
    size,
    mtime: numberAt(block, 136, 12),
    type: String.fromCharCode(block[TYPE_AT] ?? 0),
    linkName: textAt(block, 157, 100),
  };
}

function textAt(block: Uint8Array, at: number, length: number): Uint8Array {
  const field = block.slice(at, at + length);
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** Octal digits; or, of GNU tar, a binary number behind a byte of 0x80, or of 0xff where it is negative. */
function numberAt(block: Uint8Array, at: number, length: number): number {
  const first = block[at] ?? 0;
  if (first === 0x80 || first === 0xff) {
    let value = first === 0xff ? -1 : 0;
    for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }
  const text = Buffer.from(block.subarray(at, at + length)).toString('latin1');
  const digits = /^ *([0-7]*)[ \0]*/.exec(text)?.[1] ?? '';
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}
