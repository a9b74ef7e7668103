import { ByteView, utf8 } from '../../base/index.ts';
import { hasControl } from '../host-path.ts';
import { codePage437 } from './code-page.ts';

export const ENTRY_BYTES = 32;
const ATTRIBUTE = { readOnly: 0x01, volumeLabel: 0x08, directory: 0x10, longName: 0x0f } as const;
/** "name" and "extension" in small letters, as Windows NT marks it. */
export const SMALL = { name: 0x08, extension: 0x10 } as const;
/** Where a record has these marks. */
export const CASE_AT = 12;
const FREE = 0xe5;
const MAX_LONG_PARTS = 20;
const UNITS_PER_PART = 13;

/** One file, directory or label as a directory holds it. */
export interface FatEntry {
  /** The long name where there is a whole one, else the short one; undefined where no order can name it. */
  readonly name: string | undefined;
  readonly rawName: Uint8Array;
  /** The 8.3 name. */
  readonly shortName: string;
  readonly kind: 'file' | 'directory';
  readonly readOnly: boolean;
  /** The attribute bits as they are. */
  readonly attributes: number;
  /** 0 for a file without contents, and in ".." for the root. */
  readonly first: number;
  readonly size: number;
  /** Seconds since 1970, by the clock on the wall where the host was. */
  readonly mtime: number;
  readonly ctime: number;
  /** The day of the last access, at its beginning. */
  readonly atime: number;
  /** Where the parts of its long name lie, the beginning of the name first; none where the name is the short one. */
  readonly longAt: readonly number[];
  /** Where the entry lies, in bytes from the start of the volume: what it is known by. */
  readonly at: number;
}

export type FatItem =
  | { readonly is: 'entry'; readonly entry: FatEntry }
  | { readonly is: 'label'; readonly label: string };

interface LongName {
  readonly checksum: number;
  /** The number of the next part that is to come; 0 when whole. */
  next: number;
  readonly units: Uint16Array;
  readonly at: number[];
}

/**
 * Puts entries together from the 32-byte records of a directory, in order. A long name whose parts are missing, out of
 * order, or of another short name counts for nothing, as in every system that reads FAT.
 */
export class EntryReader {
  readonly #wide: boolean;
  #long: LongName | undefined;

  /** `wide`: FAT32, whose entries have 32-bit cluster numbers. */
  constructor(wide: boolean) {
    this.#wide = wide;
  }

  /** "end" after the last record; undefined where this record completes nothing. */
  take(record: Uint8Array, at: number): FatItem | 'end' | undefined {
    const view = new ByteView(record, 'directory entry');
    const lead = view.u8(0);
    if (lead === 0) return 'end';
    const attributes = view.u8(11) & 0x3f;
    if (lead === FREE) {
      this.#long = undefined;
      return undefined;
    }
    if (attributes === ATTRIBUTE.longName) {
      this.#takePart(view, lead, at);
      return undefined;
    }
    const long = this.#long;
    this.#long = undefined;
    const field = view.slice(0, 11);
    if ((attributes & ATTRIBUTE.volumeLabel) !== 0) {
      return { is: 'label', label: codePage437(field).trimEnd() };
    }
    const shortName = shortNameOf(field, view.u8(CASE_AT));
    const whole = long?.next === 0 && long.checksum === shortSum(field) ? textOf(long.units) : undefined;
    const text = whole ?? shortName;
    const longAt = whole === undefined ? [] : (long?.at ?? []);
    const directory = (attributes & ATTRIBUTE.directory) !== 0;
    return {
      is: 'entry',
      entry: {
        name: isNameable(text) ? text : undefined,
        rawName: isNameable(text) ? utf8(text) : new Uint8Array(field),
        shortName,
        kind: directory ? 'directory' : 'file',
        attributes,
        longAt,
        readOnly: (attributes & ATTRIBUTE.readOnly) !== 0,
        first: view.u16le(26) | (this.#wide ? view.u16le(20) << 16 : 0),
        size: directory ? 0 : view.u32le(28),
        mtime: secondsOf(view.u16le(24), view.u16le(22)),
        ctime: secondsOf(view.u16le(16), view.u16le(14)),
        atime: secondsOf(view.u16le(18), 0),
        at,
      },
    };
  }

  /** Parts come last first, each with its number; the first to come is marked. */
  #takePart(view: ByteView, lead: number, at: number): void {
    const number = lead & 0x3f;
    const checksum = view.u8(13);
    if ((lead & 0x40) !== 0) {
      this.#long =
        number >= 1 && number <= MAX_LONG_PARTS
          ? { checksum, next: number, units: new Uint16Array(number * UNITS_PER_PART), at: [] }
          : undefined;
    }
    const long = this.#long;
    if (long === undefined || number !== long.next || checksum !== long.checksum) {
      this.#long = undefined;
      return;
    }
    const start = (number - 1) * UNITS_PER_PART;
    for (const [i, offset] of UNIT_OFFSETS.entries()) long.units[start + i] = view.u16le(offset);
    long.at.unshift(at);
    long.next -= 1;
  }
}

/** Where a part has its UTF-16 units. */
export const UNIT_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/** Up to the NUL that ends it; undefined where there is nothing before it. */
function textOf(units: Uint16Array): string | undefined {
  const end = units.indexOf(0);
  const used = end < 0 ? units : units.subarray(0, end);
  return used.length === 0 ? undefined : String.fromCharCode(...used);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const MAX_BYTES = 255 * 3;

function isNameable(text: string): boolean {
  return (
    text !== '' &&
    !LONE_SURROGATE.test(text) &&
    !hasControl(text) &&
    !text.includes('/') &&
    utf8(text).byteLength <= MAX_BYTES
  );
}

function shortNameOf(field: Uint8Array, flags: number): string {
  const bytes = new Uint8Array(field);
  // 0xE5 marks a free record, so a name that begins with it is stored with 5.
  if (bytes[0] === 0x05) bytes[0] = FREE;
  const name = codePage437(bytes.subarray(0, 8)).trimEnd();
  const extension = codePage437(bytes.subarray(8, 11)).trimEnd();
  const shown = (flags & SMALL.name) !== 0 ? name.toLowerCase() : name;
  if (extension === '') return shown;
  return `${shown}.${(flags & SMALL.extension) !== 0 ? extension.toLowerCase() : extension}`;
}

/** Binds the parts of a long name to their short one. */
function shortSum(field: Uint8Array): number {
  return field.reduce((sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff, 0);
}

/** Two seconds fine, from 1980 on. A date that is none counts as the earliest. */
function secondsOf(date: number, time: number): number {
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  const [hour, minute, second] = [time >> 11, (time >> 5) & 63, (time & 31) * 2];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return EARLIEST_TIME;
  return (daysTo(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
}

/** Days from 1970-01-01. Years begin in March here, so that the leap day is their last. */
function daysTo(year: number, month: number, day: number): number {
  const shifted = month < 3 ? year - 1 : year;
  const ofYear = Math.floor((153 * (month < 3 ? month + 9 : month - 3) + 2) / 5) + day - 1;
  const leaps = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leaps + ofYear - 719_468;
}

/** 1980-01-01 and the last even second of 2107, in seconds since 1970. */
export const EARLIEST_TIME = 315_532_800;
export const LATEST_TIME = 4_354_819_198;
