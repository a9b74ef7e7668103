/** One place of a pattern. */
type Token =
  | { readonly token: 'character'; readonly code: number }
  | { readonly token: 'any-one' }
  | { readonly token: 'any-run' }
  | {
      readonly token: 'set';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

/** A pattern for one name. Made once, used for many names. */
export type Glob = (name: string) => boolean;

const codes = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);

const [STAR, QUERY, OPEN, CLOSE, ESCAPE, BANG, CARET, DASH, DOT] = codes('*?[]\\!^-.') as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Is there anything in the text but plain characters? */
export function hasGlob(text: string): boolean {
  return /[*?[\\]/.test(text);
}

/** A set from its opening bracket on; undefined where it is never closed, and the bracket is a plain character. */
function readSet(pattern: readonly number[], open: number): { token: Token; next: number } | undefined {
  let at = open + 1;
  const negated = pattern[at] === BANG || pattern[at] === CARET;
  if (negated) at += 1;
  const ranges: [number, number][] = [];
  const first = at;
  while (at < pattern.length) {
    if (pattern[at] === CLOSE && at > first)
      return { token: { token: 'set', negated, ranges }, next: at + 1 };
    if (pattern[at] === ESCAPE && at + 1 < pattern.length) at += 1;
    const low = pattern[at]!;
    at += 1;
    let high = low;
    if (pattern[at] === DASH && at + 1 < pattern.length && pattern[at + 1] !== CLOSE) {
      at += pattern[at + 1] === ESCAPE && at + 2 < pattern.length ? 2 : 1;
      high = pattern[at]!;
      at += 1;
    }
    ranges.push([low, high]);
  }
  return undefined;
}

function readTokens(pattern: readonly number[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; ) {
    const code = pattern[at]!;
    const set = code === OPEN ? readSet(pattern, at) : undefined;
    if (set !== undefined) {
      tokens.push(set.token);
      at = set.next;
      continue;
    }
    if (code === STAR) {
      if (tokens.at(-1)?.token !== 'any-run') tokens.push({ token: 'any-run' });
    } else if (code === QUERY) tokens.push({ token: 'any-one' });
    else {
      if (code === ESCAPE && at + 1 < pattern.length) at += 1;
      tokens.push({ token: 'character', code: pattern[at]! });
    }
    at += 1;
  }
  return tokens;
}

function fits(token: Token, code: number): boolean {
  switch (token.token) {
    case 'character':
      return token.code === code;
    case 'any-one':
      return true;
    case 'set':
      return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated;
    case 'any-run':
      return false;
  }
}

/**
 * Only the last run ever has to be tried again, because an earlier one that took less would leave it no better off.
 * So the work is at most the length of the name times that of the pattern.
 */
function matches(tokens: readonly Token[], name: ArrayLike<number>): boolean {
  let at = 0;
  let token = 0;
  let run = -1;
  let runEnd = 0;
  while (at < name.length) {
    const here = tokens[token];
    if (here?.token === 'any-run') {
      run = token;
      runEnd = at;
      token += 1;
    } else if (here !== undefined && fits(here, name[at]!)) {
      at += 1;
      token += 1;
    } else if (run >= 0) {
      runEnd += 1;
      at = runEnd;
      token = run + 1;
    } else return false;
  }
  while (tokens[token]?.token === 'any-run') token += 1;
  return token === tokens.length;
}

/**
 * Compiles a pattern for one name: `*` any run, `?` any one character, `[a-z]` and `[!a-z]` sets, `\` takes the next
 * character as it is. A leading dot fits only a dot that is written out, but with `dots` as any character. Characters are
 * Unicode code points; with `caseless`, whatever the case of letters.
 */
export function compileGlob(
  pattern: string,
  { dots = false, caseless = false }: { readonly dots?: boolean; readonly caseless?: boolean } = {},
): Glob {
  const tokens = readTokens(codes(caseless ? pattern.toLowerCase() : pattern));
  const first = tokens[0];
  const hidden = first?.token === 'character' && first.code === DOT;
  return (name) => {
    if (!dots && !hidden && name.startsWith('.')) return false;
    return matches(tokens, codesOf(caseless ? name.toLowerCase() : name));
  };
}

/** Names are short and many: those of plain characters take no detour. */
function codesOf(name: string): ArrayLike<number> {
  const units = new Uint16Array(name.length);
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xe000) return codes(name);
    units[i] = unit;
  }
  return units;
}

/** The name that a segment without wildcards stands for, its escapes undone; undefined where it has wildcards. */
export function literalName(pattern: string): string | undefined {
  const tokens = readTokens(codes(pattern));
  if (tokens.some(({ token }) => token !== 'character')) return undefined;
  return String.fromCodePoint(...tokens.map((token) => (token.token === 'character' ? token.code : 0)));
}
