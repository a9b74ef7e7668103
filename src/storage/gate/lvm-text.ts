/** A value of LVM's configuration text; sections keep their order. */
export type LvmValue = string | number | readonly (string | number)[] | LvmSection;
export type LvmSection = Map<string, LvmValue>;

const MOST_DEPTH = 8;
const MOST_TOKENS = 200_000;
const TOKEN = /\s+|#[^\n]*|("(?:[^"\\]|\\.){0,4096}")|([{}[\]=,])|([^\s#"{}[\]=,]+)/gsy;

class NotLvm extends Error {}

/** The text in which LVM2 describes a volume group (lvm.conf(5), "syntax"); undefined where it is none. */
export function parseLvmText(written: string): LvmSection | undefined {
  try {
    return new Parser(written.replace(/\0+$/, '')).section(0);
  } catch (error) {
    if (error instanceof NotLvm) return undefined;
    throw error;
  }
}

class Parser {
  readonly #tokens: Iterator<string>;
  #next: string | undefined;

  constructor(written: string) {
    this.#tokens = tokensOf(written);
    this.#advance();
  }

  /** To the closing brace, or at the top to the end. */
  section(depth: number): LvmSection {
    if (depth > MOST_DEPTH) throw new NotLvm();
    const found: LvmSection = new Map();
    for (;;) {
      const key = this.#next;
      if (key === undefined || key === '}') {
        if ((key === undefined) !== (depth === 0)) throw new NotLvm();
        return found;
      }
      if (/^["{}[\]=,]/.test(key)) throw new NotLvm();
      this.#advance();
      found.set(key, this.#value(depth));
    }
  }

  #value(depth: number): LvmValue {
    const how = this.#take();
    if (how === '{') {
      const inner = this.section(depth + 1);
      this.#advance();
      return inner;
    }
    if (how !== '=') throw new NotLvm();
    const first = this.#take();
    if (first !== '[') return scalar(first);
    const list: (string | number)[] = [];
    for (let token = this.#take(); token !== ']'; token = this.#take()) {
      if (token !== ',') list.push(scalar(token));
    }
    return list;
  }

  #take(): string {
    const token = this.#next;
    if (token === undefined) throw new NotLvm();
    this.#advance();
    return token;
  }

  #advance(): void {
    const { value, done } = this.#tokens.next();
    this.#next = done === true ? undefined : value;
  }
}

function* tokensOf(written: string): Generator<string, undefined> {
  const pattern = new RegExp(TOKEN);
  for (let count = 0; pattern.lastIndex < written.length; count += 1) {
    const found = pattern.exec(written);
    if (found === null || count > MOST_TOKENS) throw new NotLvm();
    const token = found[1] ?? found[2] ?? found[3];
    if (token !== undefined) yield token;
  }
  return undefined;
}

function scalar(token: string): string | number {
  if (token.startsWith('"')) return token.slice(1, -1).replace(/\\(.)/gs, '$1');
  if (!/^-?\d+(\.\d+)?$/.test(token)) throw new NotLvm();
  return Number(token);
}
