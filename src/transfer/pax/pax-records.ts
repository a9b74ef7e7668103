import { concatBytes, fromUtf8, utf8 } from '../../base/index.ts';

/** A keyword and its value, which may be any bytes. */
export type PaxRecord = readonly [keyword: string, value: Uint8Array | string];

/** "LENGTH KEYWORD=VALUE\n", the length counting itself (POSIX.1-2001, pax Extended Header). */
export function encodeRecords(records: readonly PaxRecord[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [keyword, value] of records) {
    const body = concatBytes(
      utf8(` ${keyword}=`),
      typeof value === 'string' ? utf8(value) : value,
      utf8('\n'),
    );
    let digits = String(body.byteLength).length;
    if (String(body.byteLength + digits).length > digits) digits += 1;
    parts.push(utf8(String(body.byteLength + digits)), body);
  }
  return concatBytes(...parts);
}

/** Records in their order; a fault in words where the bytes are none. */
export function decodeRecords(bytes: Uint8Array): Map<string, Uint8Array> | string {
  const records = new Map<string, Uint8Array>();
  let at = 0;
  while (at < bytes.byteLength) {
    let length = 0;
    let digits = 0;
    for (; digits < 9; digits += 1) {
      const digit = (bytes[at + digits] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    const end = at + length;
    if (digits === 0 || bytes[at + digits] !== 0x20 || end > bytes.byteLength || bytes[end - 1] !== 0x0a) {
      return 'an extended header is not made of records';
    }
    const body = bytes.subarray(at + digits + 1, end - 1);
    const equals = body.indexOf(0x3d);
    const keyword = equals < 1 ? undefined : fromUtf8(body.subarray(0, equals));
    if (keyword === undefined) return 'a record of an extended header has no keyword';
    records.set(keyword, body.subarray(equals + 1));
    at = end;
  }
  return records;
}

/** Seconds and nanoseconds as a decimal. `nanoseconds` counts on from `seconds`, also before 1970. */
export function timeText(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const before = seconds < 0;
  const whole = before ? -(seconds + 1) : seconds;
  const part = before ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${before ? '-' : ''}${whole}.${String(part).padStart(9, '0').replace(/0+$/, '')}`;
}

/** The inverse of timeText; finer parts than nanoseconds are cut off. */
export function parseTime(
  text: string,
): { readonly seconds: number; readonly nanoseconds: number } | undefined {
  const found = /^(-?)(\d{1,15})(?:\.(\d{1,30}))?$/.exec(text);
  if (found === null) return undefined;
  const [, sign, whole = '', fraction = ''] = found;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: seconds === 0 ? 0 : -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}
