/** Of the columns of a terminal, these stay free. */
const MARGIN = 2;

/** Seven-bit text without control characters: what others have written must not move a cursor, or pass for another line. */
export function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, '?');
}

/** Words broken into lines for a terminal of so many columns, each after `indent`; a word that is longer than a line is broken too. */
export function wrap(text: string, indent = '', columns = 80): string[] {
  const lines: string[] = [];
  let line = indent;
  const room = Math.max(1, columns - MARGIN - indent.length);
  for (const word of plain(text)
    .split(' ')
    .flatMap((whole) => pieces(whole, room))) {
    if (line.length > indent.length && line.length + word.length > columns - MARGIN) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

function pieces(word: string, room: number): readonly string[] {
  const all = [word.slice(0, room)];
  for (let at = room; at < word.length; at += room) all.push(word.slice(at, at + room));
  return all;
}
