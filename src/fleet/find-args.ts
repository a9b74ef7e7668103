import { fromHex, NsError, utf8 } from '../base/index.ts';
import type { ArgsOf } from '../protocol/index.ts';
import { parseTime } from './order-args.ts';

type Size = NonNullable<ArgsOf<'file.find'>['size']>;
type Kind = NonNullable<ArgsOf<'file.find'>['kind']>;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  c: 1,
  k: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};
const AGES: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const KINDS: Readonly<Record<string, Kind>> = { f: 'file', d: 'directory', l: 'symlink' };
const MOST_BYTES = 256;

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

/** "+10M" more than, "-1k" less than, "=5" or "5" exactly: bytes, or with k, M, G, T. */
export function parseSize(text: string): Size {
  const match = /^([-+=]?)(\d{1,15})([ckMGT]?)$/.exec(text);
  const bytes = Number(match?.[2]) * (UNITS[match?.[3] ?? ''] ?? 1);
  if (match === null || !Number.isSafeInteger(bytes + 1) || (match[1] === '-' && bytes === 0)) {
    throw usage(`"${text}" is no size; write +10M for more, -1k for less, =512 for exactly`);
  }
  if (match[1] === '+') return { min: bytes + 1 };
  return match[1] === '-' ? { max: bytes - 1 } : { min: bytes, max: bytes };
}

/** Both of two bounds. */
export function bothSizes(a: Size, b: Size): Size {
  const min = Math.max(a.min ?? 0, b.min ?? 0);
  const max = Math.min(a.max ?? Number.MAX_SAFE_INTEGER, b.max ?? Number.MAX_SAFE_INTEGER);
  return { min, max };
}

/** "f", "d" or "l". */
export function parseKind(text: string): Kind {
  const kind = Object.hasOwn(KINDS, text) ? KINDS[text] : undefined;
  if (kind === undefined) throw usage(`"${text}" is no type; write f (file), d (directory) or l (link)`);
  return kind;
}

/** "2h" before now (s, m, h, d), seconds since 1970, or an ISO date. */
export function parseMoment(text: string, now: number): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (match !== null) return now - Number(match[1]) * (AGES[match[2] ?? 's'] ?? 1);
  if (text === 'keep')
    throw usage(`"${text}" is no time; write 2h, seconds since 1970, or 2026-11-21T03:15:14Z`);
  return parseTime(text, now);
}

/** "hex:0a1b", or text as it is; "text:" before it where it begins with one of these words. */
export function parseNeedle(text: string): Uint8Array {
  const hex = text.startsWith('hex:') ? text.slice(4) : undefined;
  if (hex !== undefined && (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex))) {
    throw usage('what follows hex: is not pairs of hexadecimal digits');
  }
  return checkNeedle(
    hex !== undefined ? fromHex(hex) : utf8(text.startsWith('text:') ? text.slice(5) : text),
  );
}

/** Never shows what it is about: it may be a secret. */
export function checkNeedle(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength > 0 && bytes.byteLength <= MOST_BYTES) return bytes;
  throw usage(`${bytes.byteLength} bytes cannot be searched for; 1 to ${MOST_BYTES} can`);
}
