import type { Talk } from './session.ts';

const HANGING = '    ';

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

/**
 * A line on paper for a terminal of so many columns, broken at a blank where there is one; nothing of it is lost. The last
 * column is left free, where some terminals break the line by themselves.
 */
export function fold(text: string, columns = 80): readonly string[] {
  const width = columns - 1;
  const lines: string[] = [];
  let rest = sevenBits(text);
  let indent = '';
  while (indent.length + rest.length > width) {
    const room = width - indent.length;
    const blank = rest.lastIndexOf(' ', room);
    const at = blank > room / 2 ? blank : room;
    lines.push(indent + rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
    indent = HANGING;
  }
  return [...lines, indent + rest];
}

/** Prints lines, and waits after each screenful; false where whoever reads has had enough. */
export async function paged(talk: Talk, texts: readonly string[]): Promise<boolean> {
  const { columns } = talk.terminal;
  // Of the rows of a terminal, one is for the question.
  const rows = talk.terminal.rows - 1;
  const lines = texts.flatMap((text) => fold(text, columns));
  for (const [i, line] of lines.entries()) {
    if (i > 0 && i % rows === 0) {
      const typed = await talk.ask(`-- more (${lines.length - i} lines; q ends) -- `);
      if (/^q/i.test(typed.trim())) return false;
    }
    talk.print(line);
  }
  return true;
}
