import type { Talk } from './session.ts';

/** Columns that are written to: the last is left free, where some terminals break the line by themselves. */
const WIDTH = 79;
const HANGING = '    ';
/** Of the 24 rows of a terminal, one is for the question. */
export const ROWS = 23;

const SPELT: Readonly<Record<string, string>> = {
  '\u2026': '...',
  '\u2013': '-',
  '\u2014': '-',
  '\u2019': "'",
  '\u00d7': 'x',
  '\u00b0': ' deg ',
};

/** What has no place in seven bits is spelt as readWords takes it: no two names look the same, and no cursor moves. */
export function sevenBits(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, (c) => SPELT[c] ?? `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A line on paper of 79 columns, broken at a blank where there is one; nothing of it is lost. */
export function fold(text: string): readonly string[] {
  const lines: string[] = [];
  let rest = sevenBits(text);
  let indent = '';
  while (indent.length + rest.length > WIDTH) {
    const room = WIDTH - indent.length;
    const blank = rest.lastIndexOf(' ', room);
    const at = blank > room / 2 ? blank : room;
    lines.push(indent + rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
    indent = HANGING;
  }
  return [...lines, indent + rest];
}

/** Prints lines, and waits after each screenful; false where whoever reads has had enough. */
export async function paged(talk: Talk, texts: readonly string[], rows = ROWS): Promise<boolean> {
  const lines = texts.flatMap(fold);
  for (const [i, line] of lines.entries()) {
    if (i > 0 && i % rows === 0) {
      const typed = await talk.ask(`-- more (${lines.length - i} lines; q ends) -- `);
      if (/^q/i.test(typed.trim())) return false;
    }
    talk.print(line);
  }
  return true;
}
