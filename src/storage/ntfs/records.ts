import { ByteView } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { SECTOR } from './boot-sector.ts';

/** Types of attribute. Layouts: linux-ntfs documentation. */
export const ATTRIBUTE = {
  standardInformation: 0x10,
  list: 0x20,
  fileName: 0x30,
  security: 0x50,
  volumeName: 0x60,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  indexAllocation: 0xa0,
  bitmap: 0xb0,
  reparsePoint: 0xc0,
  extended: 0xe0,
  end: 0xffff_ffff,
} as const;

const MAX_ATTRIBUTES = 512;
const MAX_RUNS = 65_536;
const FLAG = { compressed: 0x00ff, encrypted: 0x4000 } as const;

/** Undoes the update sequence of a record in place: the last two bytes of each sector are kept in its head. */
export function fixUp(bytes: Uint8Array, signature: string): ByteView {
  const view = new ByteView(bytes, `NTFS ${signature} record`);
  if (view.ascii(0, 4) !== signature) throw corrupt(`an NTFS ${signature} record is missing`);
  const at = view.u16le(4);
  const count = view.u16le(6);
  if (count - 1 !== bytes.byteLength / SECTOR) throw corrupt('an NTFS record has the wrong update sequence');
  const expected = view.u16le(at);
  for (let i = 1; i < count; i += 1) {
    const end = i * SECTOR - 2;
    if (view.u16le(end) !== expected) throw corrupt('an NTFS record was written in part');
    bytes.set(view.slice(at + i * 2, 2), end);
  }
  return view;
}

/** Does a record's update sequence again, after its bytes were changed. */
export function protect(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = view.getUint16(4, true);
  const count = view.getUint16(6, true);
  for (let i = 1; i < count; i += 1) {
    const end = i * SECTOR - 2;
    bytes.copyWithin(at + i * 2, end, end + 2);
    bytes.copyWithin(end, at, at + 2);
  }
}

/** Clusters of a file, one behind the other on the volume; `cluster` undefined for a hole. */
export interface NtfsRun {
  readonly cluster: number | undefined;
  readonly count: number;
}

/** The part of an attribute that one record holds. */
export interface NtfsAttribute {
  readonly type: number;
  readonly name: string;
  readonly compressed: boolean;
  readonly encrypted: boolean;
  readonly value:
    | { readonly resident: Uint8Array }
    | {
        /** The cluster of the attribute that the runs begin with. */
        readonly first: number;
        readonly runs: readonly NtfsRun[];
        /** Where `first` is 0: bytes in all, bytes ever written, and clusters compressed together. */
        readonly size: number;
        readonly initialized: number;
        readonly unit: number;
      };
}

function decodeRuns(view: ByteView, start: number, end: number): NtfsRun[] {
  const runs: NtfsRun[] = [];
  let cluster = 0;
  for (let at = start; at < end && view.u8(at) !== 0; ) {
    if (runs.length >= MAX_RUNS) throw corrupt('an NTFS file is in too many pieces');
    const lengthSize = view.u8(at) & 15;
    const offsetSize = view.u8(at) >>> 4;
    if (lengthSize === 0 || lengthSize > 6 || offsetSize > 6) throw corrupt('an NTFS run makes no sense');
    const count = littleEndian(view.slice(at + 1, lengthSize), false);
    if (count === 0) throw corrupt('an NTFS run is empty');
    if (offsetSize === 0) runs.push({ cluster: undefined, count });
    else {
      cluster += littleEndian(view.slice(at + 1 + lengthSize, offsetSize), true);
      if (cluster < 0) throw corrupt('an NTFS run lies outside the volume');
      runs.push({ cluster, count });
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

/** As stored, lone surrogates included. */
export function utf16(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength & ~1).toString('utf16le');
}

/** A reference to a record: 48 bits of number, 16 of sequence. */
export function reference(
  view: ByteView,
  at: number,
): { readonly record: number; readonly sequence: number } {
  return { record: view.u32le(at) + view.u16le(at + 4) * 2 ** 32, sequence: view.u16le(at + 6) };
}

/** The attributes of a FILE record, already fixed up. */
export function decodeAttributes(view: ByteView): NtfsAttribute[] {
  const attributes: NtfsAttribute[] = [];
  let at = view.u16le(0x14);
  for (let i = 0; i < MAX_ATTRIBUTES; i += 1) {
    const type = view.u32le(at);
    if (type === ATTRIBUTE.end) return attributes;
    const length = view.u32le(at + 4);
    if (length < 16 || at + length > view.length) throw corrupt('an NTFS attribute has the wrong length');
    const flags = view.u16le(at + 12);
    attributes.push({
      type,
      name: utf16(view.slice(at + view.u16le(at + 10), view.u8(at + 9) * 2)),
      compressed: (flags & FLAG.compressed) !== 0,
      encrypted: (flags & FLAG.encrypted) !== 0,
      value: view.u8(at + 8) === 0 ? residentValue(view, at) : clusters(view, at, length),
    });
    at += length;
  }
  throw corrupt('an NTFS record has too many attributes');
}

function residentValue(view: ByteView, at: number): NtfsAttribute['value'] {
  return { resident: view.slice(at + view.u16le(at + 20), view.u32le(at + 16)) };
}

function clusters(view: ByteView, at: number, length: number): NtfsAttribute['value'] {
  const first = view.u64leNumber(at + 16);
  const runs = decodeRuns(view, at + view.u16le(at + 32), at + length);
  if (first !== 0) return { first, runs, size: 0, initialized: 0, unit: 0 };
  const exponent = view.u16le(at + 34);
  return {
    first,
    runs,
    size: view.u64leNumber(at + 48),
    initialized: view.u64leNumber(at + 56),
    unit: exponent === 0 ? 0 : 2 ** Math.min(exponent, 16),
  };
}
