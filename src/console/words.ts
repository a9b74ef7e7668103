const LETTER: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/**
 * The words of a line, as in a shell: blanks part them, unless in quotes or after a backslash. What no keyboard of seven bits can
 * type is spelt \u{e9}, within words and within double quotes. A sentence where the line does not end well.
 */
export function readWords(line: string): readonly string[] | { readonly wrong: string } {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < line.length; i += 1) {
    const c = line[i]!;
    if (quote === "'") {
      if (c === quote) quote = undefined;
      else word = (word ?? '') + c;
    } else if (c === '\\') {
      const spelt = spelling(line.slice(i));
      if (spelt === undefined)
        return { wrong: 'A backslash takes one more character, or a letter as \\u{e9}.' };
      word = (word ?? '') + spelt.letter;
      i += spelt.length - 1;
    } else if (c === quote) quote = undefined;
    else if (quote === undefined && (c === '"' || c === "'")) {
      quote = c;
      word ??= '';
    } else if (quote === undefined && c === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + c;
  }
  if (quote !== undefined) return { wrong: `A quote (${quote}) is open at the end of the line.` };
  return word === undefined ? words : [...words, word];
}

function spelling(text: string): { readonly letter: string; readonly length: number } | undefined {
  const match = /^\\u\{([0-9a-f]{1,6})\}/i.exec(text);
  if (match !== null) {
    const code = Number.parseInt(match[1]!, 16);
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    return { letter: String.fromCodePoint(code), length: match[0].length };
  }
  const next = text[1];
  if (next === undefined || /[a-z0-9]/i.test(next)) {
    const letter = next === undefined ? undefined : LETTER[next];
    return letter === undefined ? undefined : { letter, length: 2 };
  }
  return { letter: next, length: 2 };
}
