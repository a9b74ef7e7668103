import { fromHex, NsError, utf8 } from '../base/index.ts';
import type { ArgsOf } from '../protocol/index.ts';

/** Words of a command line become arguments of an order here. Every function throws NS_USAGE with a sentence. */
function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

/** "644" or "0644": octal permission bits. */
export function parseMode(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text) || Number.parseInt(text, 8) > 0o7777) {
    throw usage(`"${text}" is no mode; write octal digits such as 0644`);
  }
  return Number.parseInt(text, 8);
}

/** "0:0" or "1000": numbers only, because the names are the host's. */
export function parseOwner(text: string): { readonly uid: number; readonly gid?: number } {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  const uid = Number(match?.[1]);
  const gid = match?.[2] === undefined ? undefined : Number(match[2]);
  if (match === null || uid > 0xffff_ffff || (gid ?? 0) > 0xffff_ffff) {
    throw usage(`"${text}" is no owner; write numbers such as 0:0 or 1000:100`);
  }
  return { uid, ...(gid === undefined ? {} : { gid }) };
}

/** "keep" for the file's own time, whole seconds since 1970, or an ISO date. */
export function parseTime(text: string, own: number): number {
  if (text === 'keep') return own;
  if (/^-?\d{1,12}$/.test(text)) return Number(text);
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date)) {
    throw usage(`"${text}" is no time; write "keep", "now", seconds since 1970, or 2026-11-21T03:15:14Z`);
  }
  return Math.floor(date / 1000);
}

/** "30", "30s", "5m", "2h": milliseconds. */
export function parseWait(text: string): number {
  const match = /^(\d{1,7})(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 1000;
  const wait = Number(match?.[1]) * unit;
  if (match === null || wait < 1) throw usage(`"${text}" is no length of time; write 30s, 5m or 2h`);
  return wait;
}

/** A whole number from `minimum` to `maximum`. */
export function parseCount(text: string, what: string, minimum: number, maximum: number): number {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum)) {
    throw usage(`"${text}" is no ${what}; write a number from ${minimum} to ${maximum}`);
  }
  return value;
}

/** Hexadecimal digits of exactly this many bytes. */
export function parseBytes(text: string, what: string, bytes: number): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(text) || text.length !== bytes * 2) {
    throw usage(`"${text}" is no ${what}; it has ${bytes * 2} hexadecimal digits`);
  }
  return fromHex(text);
}

/** For a channel: a whole number, "hex:0a1b" or "text:hello". */
export function parseChannelValue(text: string): ArgsOf<'io.write'>['value'] {
  if (text.startsWith('hex:') && text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text.slice(4))) {
    return fromHex(text.slice(4));
  }
  if (text.startsWith('text:')) return utf8(text.slice(5));
  if (/^-?\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw usage(`"${text}" is no value; write a whole number, hex:0a1b or text:hello`);
}

/** "0x1000+0x2000", "0+4096": first address or LBA, and how many bytes or blocks. */
export function parseSpan(text: string): { readonly start: number; readonly length: number } {
  const match = /^(0x[0-9a-fA-F]{1,13}|\d{1,16})\+(0x[0-9a-fA-F]{1,13}|\d{1,16})$/.exec(text);
  const start = Number(match?.[1]);
  const length = Number(match?.[2]);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || length < 1) {
    throw usage(`"${text}" is no range; write START+LENGTH, such as 0x100000+0x1000`);
  }
  return { start, length };
}
