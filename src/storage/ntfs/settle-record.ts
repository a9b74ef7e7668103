import { ByteView } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { ATTRIBUTE, reference, utf16 } from './records.ts';

/** FILETIMEs in the order in which $STANDARD_INFORMATION and $FILE_NAME have them. */
export interface FileTimes {
  readonly created?: bigint;
  readonly modified: bigint;
}

/** What becomes of a time that the writer's own clock has put somewhere. `record` is of the file that the time belongs to. */
export interface Clock {
  readonly from: bigint;
  readonly to: bigint;
  readonly time: bigint;
  timesOf(record: number): FileTimes | undefined;
}

const DIRECTORY_INDEX = '$I30';
const NAME_TIMES_AT = 8;
const ENTRY = { child: 1, last: 2 } as const;
const KEY_AT = 16;

/**
 * Puts times in order in a FILE record that is fixed up already: of the file itself, of its names, and of the names in the root
 * of its index. What lies between and behind its attributes is cleared, and names stand in the order of their bytes, for
 * both would tell of the writer's clock.
 */
export function settleRecord(bytes: Uint8Array, number: number, clock: Clock): void {
  const view = new ByteView(bytes, 'NTFS FILE record');
  const base = reference(view, 0x20).record;
  const owner = base === 0 ? number : base;
  const start = view.u16le(0x14);
  const attributes: Uint8Array[] = [];
  let at = start;
  for (; view.u32le(at) !== ATTRIBUTE.end; ) {
    const type = view.u32le(at);
    const length = view.u32le(at + 4);
    if (length < 24 || length % 8 !== 0 || at + length > bytes.byteLength) {
      throw corrupt('an NTFS attribute has the wrong length');
    }
    const resident = view.u8(at + 8) === 0;
    const value = at + view.u16le(at + 20);
    const valueLength = resident ? view.u32le(at + 16) : 0;
    if (resident && value + valueLength > at + length)
      throw corrupt('an NTFS attribute has the wrong length');
    if (resident) {
      bytes.fill(0, value + valueLength, at + length);
      if (type === ATTRIBUTE.standardInformation) settleTimes(view, value, clock, owner);
      if (type === ATTRIBUTE.fileName) settleTimes(view, value + NAME_TIMES_AT, clock, owner);
      const name = utf16(view.slice(at + view.u16le(at + 10), view.u8(at + 9) * 2));
      if (type === ATTRIBUTE.indexRoot && name === DIRECTORY_INDEX) {
        settleEntries(bytes.subarray(value, value + valueLength), 16, clock);
      }
    } else clearBehindRuns(view, at, length);
    attributes.push(bytes.slice(at, at + length));
    at += length;
  }
  const end = at;
  attributes.sort(byTypeAndName);
  at = start;
  for (const attribute of attributes) {
    bytes.set(attribute, at);
    at += attribute.byteLength;
  }
  bytes.fill(0, end + 8);
}

/** The same for a block of a directory's index. */
export function settleIndexBlock(bytes: Uint8Array, clock: Clock): void {
  const header = 0x18;
  const end = header + new ByteView(bytes, 'NTFS INDX record').u32le(header + 4);
  if (end < header + KEY_AT || end > bytes.byteLength)
    throw corrupt('an NTFS index block has the wrong length');
  settleEntries(bytes, header, clock);
  bytes.fill(0, end);
}

function settleEntries(bytes: Uint8Array, header: number, clock: Clock): void {
  const view = new ByteView(bytes, 'NTFS index');
  const end = Math.min(view.length, header + view.u32le(header + 4));
  for (let at = header + view.u32le(header); at + KEY_AT <= end; ) {
    const length = view.u16le(at + 8);
    if (length < KEY_AT || at + length > end) throw corrupt('an NTFS index entry has the wrong length');
    const flags = view.u16le(at + 12);
    const key = view.u16le(at + 10);
    const behind = at + length - ((flags & ENTRY.child) === 0 ? 0 : 8);
    if ((flags & ENTRY.last) !== 0) return;
    if (at + KEY_AT + key > behind) throw corrupt('an NTFS index entry has the wrong length');
    settleTimes(view, at + KEY_AT + NAME_TIMES_AT, clock, reference(view, at).record);
    bytes.fill(0, at + KEY_AT + key, behind);
    at += length;
  }
}

function settleTimes(view: ByteView, at: number, clock: Clock, record: number): void {
  const { buffer, byteOffset } = view.slice(at, 32);
  const raw = new DataView(buffer, byteOffset, 32);
  const wanted = clock.timesOf(record);
  const fixed = [wanted?.created, wanted?.modified, undefined, undefined];
  for (const [i, given] of fixed.entries()) {
    const now = raw.getBigUint64(i * 8, true);
    const own = now >= clock.from && now <= clock.to;
    if (given !== undefined || own) raw.setBigUint64(i * 8, given ?? clock.time, true);
  }
}

/** A file's name attributes are in no order of their own; all others stay where they are. */
function byTypeAndName(a: Uint8Array, b: Uint8Array): number {
  const type = (bytes: Uint8Array) => new ByteView(bytes, 'NTFS attribute').u32le(0);
  const order = type(a) - type(b);
  if (order !== 0 || type(a) !== ATTRIBUTE.fileName) return order;
  return Buffer.compare(nameBytes(a), nameBytes(b));
}

function nameBytes(attribute: Uint8Array): Uint8Array {
  const view = new ByteView(attribute, '$FILE_NAME');
  return view.slice(view.u16le(20), view.u32le(16));
}

function clearBehindRuns(view: ByteView, at: number, length: number): void {
  let place = at + view.u16le(at + 32);
  for (; place < at + length && view.u8(place) !== 0; ) {
    place += 1 + (view.u8(place) & 15) + (view.u8(place) >>> 4);
  }
  if (place < at + length) view.bytes.fill(0, place, at + length);
}
