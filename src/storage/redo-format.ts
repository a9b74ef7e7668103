import { ByteView, crc32c, equalBytes, fromUtf8, KiB, MiB, utf8 } from '../base/index.ts';

/**
 * What the redo log looks like on our own storage. Integers are little endian.
 *
 * Byte 0: the commit record, one sector, so that it is there whole or not: magic (8 bytes), volume start (u64),
 * volume length (u64), body length (u64), SHA-256 of the body (32), effect hash (32), disk name and volume name
 * (each a length byte and up to 64 bytes of UTF-8), zeros, CRC-32C of all before it (u32). All zeros: nothing is
 * committed.
 *
 * Byte 4096: the body, records back to back: magic (u32), offset on the volume (u64), length (u32), CRC-32C of the
 * record without this field (u32), CRC-32C of each 512-byte sector that was on the disk before (u32 each), content.
 * Among them, for what was written to free space ahead of the commit: another magic (u32), offset, length and CRC-32C
 * as above, SHA-256 of what lies there (32).
 */
export interface Commit {
  readonly disk: string;
  readonly volume: string;
  readonly volumeStart: number;
  readonly volumeLength: number;
  readonly bodyLength: number;
  readonly bodyHash: Uint8Array;
  readonly effectHash: Uint8Array;
}

export const COMMIT_SIZE = 512;
export const BODY_AT = 4 * KiB;
export const SECTOR = 512;
/** The most content that one record holds, which bounds the memory of writing and replaying. */
export const LONGEST_RECORD = 64 * KiB;
export const RECORD_HEADER = 20;

const COMMIT_MAGIC = utf8('NSREDO1\0');
const RECORD_MAGIC = 0x4452534e;
const AHEAD_MAGIC = 0x4157534e;
const DIGEST = 32;
/** Bytes of the log that tell of one stretch which was written ahead. */
export const AHEAD_SIZE: number = RECORD_HEADER + DIGEST;
/** The longest such stretch, which bounds the memory of looking at it. */
const LONGEST_AHEAD = MiB;
const NAMES_AT = 96;
const LONGEST_NAME = 64;

/** Undefined where a name is too long to be kept. */
export function encodeCommit(commit: Commit): Uint8Array | undefined {
  const bytes = new Uint8Array(COMMIT_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(COMMIT_MAGIC, 0);
  view.setBigUint64(8, BigInt(commit.volumeStart), true);
  view.setBigUint64(16, BigInt(commit.volumeLength), true);
  view.setBigUint64(24, BigInt(commit.bodyLength), true);
  bytes.set(commit.bodyHash, 32);
  bytes.set(commit.effectHash, 64);
  let at = NAMES_AT;
  for (const name of [commit.disk, commit.volume]) {
    const text = utf8(name);
    if (text.byteLength > LONGEST_NAME) return undefined;
    bytes[at] = text.byteLength;
    bytes.set(text, at + 1);
    at += 1 + LONGEST_NAME;
  }
  view.setUint32(COMMIT_SIZE - 4, crc32c(bytes.subarray(0, COMMIT_SIZE - 4)), true);
  return bytes;
}

/** Undefined where the sector holds no commit record: never written, cleared, or torn. */
export function decodeCommit(bytes: Uint8Array): Commit | undefined {
  const view = new ByteView(bytes, 'the commit record');
  if (bytes.byteLength !== COMMIT_SIZE || !equalBytes(view.slice(0, 8), COMMIT_MAGIC)) return undefined;
  if (crc32c(bytes.subarray(0, COMMIT_SIZE - 4)) !== view.u32le(COMMIT_SIZE - 4)) return undefined;
  const name = (at: number): string | undefined =>
    view.u8(at) > LONGEST_NAME ? undefined : fromUtf8(view.slice(at + 1, view.u8(at)));
  const disk = name(NAMES_AT);
  const volume = name(NAMES_AT + 1 + LONGEST_NAME);
  if (disk === undefined || volume === undefined) return undefined;
  return {
    disk,
    volume,
    volumeStart: view.u64leNumber(8),
    volumeLength: view.u64leNumber(16),
    bodyLength: view.u64leNumber(24),
    bodyHash: view.slice(32, 32).slice(),
    effectHash: view.slice(64, 32).slice(),
  };
}

export interface RedoRecord {
  readonly offset: number;
  readonly content: Uint8Array;
  /** CRC-32C of each sector as it was before, in order. */
  readonly before: readonly number[];
}

/** A stretch of the volume that was written before the commit, which is worth nothing without it. */
export interface AheadRecord {
  readonly offset: number;
  readonly length: number;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

export function sectorChecksums(bytes: Uint8Array): number[] {
  const sums: number[] = [];
  for (let at = 0; at < bytes.byteLength; at += SECTOR) sums.push(crc32c(bytes.subarray(at, at + SECTOR)));
  return sums;
}

/** Bytes of the log that a record with this much content takes. */
export const recordSize = (length: number): number => RECORD_HEADER + 4 * Math.ceil(length / SECTOR) + length;

export function encodeRecord(record: RedoRecord): Uint8Array {
  const bytes = new Uint8Array(recordSize(record.content.byteLength));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, RECORD_MAGIC, true);
  view.setBigUint64(4, BigInt(record.offset), true);
  view.setUint32(12, record.content.byteLength, true);
  let at = RECORD_HEADER;
  for (const sum of record.before) {
    view.setUint32(at, sum, true);
    at += 4;
  }
  bytes.set(record.content, at);
  view.setUint32(16, recordChecksum(bytes), true);
  return bytes;
}

/** The size of the record that this header begins; undefined where it is none. */
export function sizeFromHeader(header: Uint8Array): number | undefined {
  const view = new ByteView(header, 'a log record');
  const length = view.u32le(12);
  const ahead = view.u32le(0) === AHEAD_MAGIC;
  if (!ahead && view.u32le(0) !== RECORD_MAGIC) return undefined;
  if (length === 0 || length > (ahead ? LONGEST_AHEAD : LONGEST_RECORD)) return undefined;
  return ahead ? AHEAD_SIZE : recordSize(length);
}

/** Undefined where the bytes are not one whole, unharmed record. */
export function decodeRecord(bytes: Uint8Array): RedoRecord | undefined {
  if (bytes.byteLength < RECORD_HEADER || sizeFromHeader(bytes) !== bytes.byteLength) return undefined;
  const view = new ByteView(bytes, 'a log record');
  if (view.u32le(0) !== RECORD_MAGIC || recordChecksum(bytes) !== view.u32le(16)) return undefined;
  const length = view.u32le(12);
  const sectors = Math.ceil(length / SECTOR);
  const before = Array.from({ length: sectors }, (_, i) => view.u32le(RECORD_HEADER + 4 * i));
  return { offset: view.u64leNumber(4), content: view.slice(RECORD_HEADER + 4 * sectors, length), before };
}

export function encodeAhead({ offset, length, digest }: AheadRecord): Uint8Array {
  const bytes = new Uint8Array(AHEAD_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, AHEAD_MAGIC, true);
  view.setBigUint64(4, BigInt(offset), true);
  view.setUint32(12, length, true);
  bytes.set(digest, RECORD_HEADER);
  view.setUint32(16, recordChecksum(bytes), true);
  return bytes;
}

/** Undefined where the bytes are not one whole, unharmed record of this kind. */
export function decodeAhead(bytes: Uint8Array): AheadRecord | undefined {
  if (bytes.byteLength !== AHEAD_SIZE || sizeFromHeader(bytes) !== AHEAD_SIZE) return undefined;
  const view = new ByteView(bytes, 'a log record');
  if (view.u32le(0) !== AHEAD_MAGIC || recordChecksum(bytes) !== view.u32le(16)) return undefined;
  return {
    offset: view.u64leNumber(4),
    length: view.u32le(12),
    digest: view.slice(RECORD_HEADER, DIGEST).slice(),
  };
}

function recordChecksum(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(RECORD_HEADER), crc32c(bytes.subarray(0, 16)));
}
