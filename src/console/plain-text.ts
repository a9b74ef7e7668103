/** Of the columns of a terminal, these stay free. */
const MARGIN = 2;

/** Seven-bit text without control characters: what others have written must not move a cursor, or pass for another line. */
export function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, '?');
}

/** Words broken into lines for a terminal of so many columns, each after `indent`; a word that is longer stands alone. */
export function wrap(text: string, indent = '', columns = 80): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of plain(text).split(' ')) {
    if (line.length > indent.length && line.length + word.length > columns - MARGIN) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
