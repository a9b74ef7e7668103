import { ByteView, NsError } from '../../base/index.ts';

/** The little of NTFS that finding one file in the root directory takes. Layouts: linux-ntfs documentation. */
export const ATTRIBUTE = {
  list: 0x20,
  volumeName: 0x60,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  indexAllocation: 0xa0,
} as const;

const END = 0xffffffff;
const MAX_ATTRIBUTES = 512;
const MAX_RUNS = 65_536;
const SECTOR = 512;

export function ntfsFault(sentence: string): NsError {
  return new NsError('NS_NTFS_CORRUPT', sentence, { family: 'peer' });
}

/** Numbers of an NTFS boot sector, in bytes. */
export interface NtfsShape {
  readonly clusterSize: number;
  readonly recordSize: number;
  readonly mftAt: number;
  readonly size: number;
}

/** Decodes a boot sector that carries the NTFS signature; throws NS_NTFS_CORRUPT. */
export function decodeNtfsBoot(bytes: Uint8Array, deviceSize: number): NtfsShape {
  const view = new ByteView(bytes, 'NTFS boot sector');
  const sectorSize = view.u16le(0x0b);
  const perCluster = view.u8(0x0d);
  const clusterSize = sectorSize * (perCluster > 0x80 ? 2 ** (256 - perCluster) : perCluster);
  const recordField = view.u8(0x40);
  const recordSize = recordField > 0x7f ? 2 ** (256 - recordField) : recordField * clusterSize;
  const size = view.u64leNumber(0x28) * sectorSize;
  const mftAt = view.u64leNumber(0x30) * clusterSize;
  const sane =
    [256, 512, 1024, 2048, 4096].includes(sectorSize) &&
    clusterSize >= 512 &&
    clusterSize <= 2 ** 21 &&
    recordSize >= 512 &&
    recordSize <= 65536 &&
    recordSize % SECTOR === 0 &&
    mftAt > 0 &&
    mftAt + 16 * recordSize <= deviceSize;
  if (!sane) throw ntfsFault('the NTFS boot sector makes no sense');
  return { clusterSize, recordSize, mftAt, size };
}

/** Undoes the update sequence of a record: the last two bytes of each sector are kept in its head. */
export function fixUp(bytes: Uint8Array, signature: string): ByteView {
  const view = new ByteView(bytes, `NTFS ${signature} record`);
  if (view.ascii(0, 4) !== signature) throw ntfsFault(`an NTFS ${signature} record is missing`);
  const at = view.u16le(4);
  const count = view.u16le(6);
  if (count - 1 !== bytes.byteLength / SECTOR)
    throw ntfsFault('an NTFS record has the wrong update sequence');
  const expected = view.u16le(at);
  for (let i = 1; i < count; i += 1) {
    const end = i * SECTOR - 2;
    if (view.u16le(end) !== expected) throw ntfsFault('an NTFS record was written in part');
    bytes.set(view.slice(at + i * 2, 2), end);
  }
  return view;
}

/** Stretches of a file: `at` is a byte of the volume, undefined for a hole. */
export interface NtfsRun {
  readonly at: number | undefined;
  readonly length: number;
}

export interface NtfsAttribute {
  readonly type: number;
  readonly name: string;
  /** Compressed, encrypted or sparse. */
  readonly special: boolean;
  readonly firstCluster: number;
  /** The bytes themselves where they lie in the record, else where they lie. */
  readonly value: Uint8Array | readonly NtfsRun[];
}

function decodeRuns(view: ByteView, start: number, end: number, clusterSize: number): NtfsRun[] {
  const runs: NtfsRun[] = [];
  let cluster = 0;
  for (let at = start; at < end && view.u8(at) !== 0; ) {
    if (runs.length >= MAX_RUNS) throw ntfsFault('an NTFS file is in too many pieces');
    const lengthSize = view.u8(at) & 15;
    const offsetSize = view.u8(at) >>> 4;
    if (lengthSize === 0 || lengthSize > 6 || offsetSize > 6) throw ntfsFault('an NTFS run makes no sense');
    const length = littleEndian(view.slice(at + 1, lengthSize), false);
    if (offsetSize === 0) runs.push({ at: undefined, length: length * clusterSize });
    else {
      cluster += littleEndian(view.slice(at + 1 + lengthSize, offsetSize), true);
      if (cluster < 0) throw ntfsFault('an NTFS run lies outside the volume');
      runs.push({ at: cluster * clusterSize, length: length * clusterSize });
    }
    at += 1 + lengthSize + offsetSize;
  }
  return runs;
}

function littleEndian(bytes: Uint8Array, signed: boolean): number {
  let value = 0;
  for (let i = bytes.byteLength - 1; i >= 0; i -= 1) value = value * 256 + bytes[i]!;
  return signed && bytes.at(-1)! > 0x7f ? value - 256 ** bytes.byteLength : value;
}

export const utf16 = (bytes: Uint8Array): string => new TextDecoder('utf-16le').decode(bytes);

/** The attributes of a FILE record, already fixed up. */
export function decodeAttributes(view: ByteView, clusterSize: number): NtfsAttribute[] {
  const attributes: NtfsAttribute[] = [];
  let at = view.u16le(0x14);
  for (let i = 0; i < MAX_ATTRIBUTES; i += 1) {
    const type = view.u32le(at);
    if (type === END) return attributes;
    const length = view.u32le(at + 4);
    if (length < 16 || at + length > view.length) throw ntfsFault('an NTFS attribute has the wrong length');
    const resident = view.u8(at + 8) === 0;
    attributes.push({
      type,
      name: utf16(view.slice(at + view.u16le(at + 10), view.u8(at + 9) * 2)),
      special: view.u16le(at + 12) !== 0,
      firstCluster: resident ? 0 : view.u64leNumber(at + 16),
      value: resident
        ? view.slice(at + view.u16le(at + 20), view.u32le(at + 16))
        : decodeRuns(view, at + view.u16le(at + 32), at + length, clusterSize),
    });
    at += length;
  }
  throw ntfsFault('an NTFS record has too many attributes');
}

/** One name of a directory's index, with the record that it leads to. */
export interface NtfsIndexEntry {
  readonly name: string;
  readonly record: number;
  readonly sequence: number;
}

/** The names in an index, from its header on. */
export function decodeIndex(view: ByteView, header: number): NtfsIndexEntry[] {
  const entries: NtfsIndexEntry[] = [];
  let at = header + view.u32le(header);
  const end = Math.min(view.length, header + view.u32le(header + 4));
  while (at + 16 <= end && (view.u16le(at + 12) & 2) === 0) {
    const length = view.u16le(at + 8);
    if (length < 16) throw ntfsFault('an NTFS index entry has the wrong length');
    if (view.u16le(at + 10) >= 0x42) {
      entries.push({
        name: utf16(view.slice(at + 16 + 0x42, view.u8(at + 16 + 0x40) * 2)),
        record: view.u32le(at) + view.u16le(at + 4) * 2 ** 32,
        sequence: view.u16le(at + 6),
      });
    }
    at += length;
  }
  return entries;
}
