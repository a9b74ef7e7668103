import { formatBytes } from '../base/index.ts';

/** Control characters, line separators, and what turns the direction of text. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A line fit for a terminal: what a device or its disk says may hold escape sequences or turn the direction of the
 * text, so such characters are spelt out.
 */
export function clean(line: string): string {
  return line.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** JSON fit for a terminal, and with the same meaning: its own escapes stand for what JSON itself would let through. */
export function cleanJson(json: string): string {
  return json.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** "1 block", "2 blocks". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Bytes as people read them, with the exact count where that differs. */
export function sized(count: number): string {
  return count < 1024 ? `${count} B` : `${formatBytes(count)} (${count} B)`;
}

/** "-rw-r--r--", with the set-id and sticky letters. */
export function modeText(mode: number, kind: string): string {
  const kinds: Readonly<Record<string, string>> = {
    directory: 'd',
    symlink: 'l',
    block: 'b',
    character: 'c',
    fifo: 'p',
    socket: 's',
    unknown: '?',
  };
  const bits = [6, 3, 0].map((shift, who) => {
    const three = (mode >> shift) & 7;
    const special = (mode >> (11 - who)) & 1;
    const [on, off] = who === 2 ? ['t', 'T'] : ['s', 'S'];
    const last = special ? (three & 1 ? on : off) : three & 1 ? 'x' : '-';
    return `${three & 4 ? 'r' : '-'}${three & 2 ? 'w' : '-'}${last}`;
  });
  return (kinds[kind] ?? '-') + bits.join('');
}

/** "2026-11-21 03:15:14Z"; years that ISO 8601 cannot spell stay a number. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime()) || Math.abs(seconds) > 253_402_300_799) return `@${seconds}`;
  return date.toISOString().replace('T', ' ').replace('.000Z', 'Z');
}

/** Columns as wide as their widest cell, two blanks apart. Columns named in `right` are set to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const widths = Array.from({ length: columns }, (_, i) =>
    rows.reduce((widest, row) => Math.max(widest, row[i]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
