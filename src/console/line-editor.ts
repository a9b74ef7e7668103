import { EscapeSequence } from './escape-sequence.ts';

/** Enough for a line of an order that was pasted, and for any command. */
const LONGEST = 256;
const BELL = '\x07';

const KEY = {
  home: 0x01,
  left: 0x02,
  break: 0x03,
  gone: 0x04,
  end: 0x05,
  right: 0x06,
  backspace: 0x08,
  tab: 0x09,
  lf: 0x0a,
  cut: 0x0b,
  cr: 0x0d,
  next: 0x0e,
  previous: 0x10,
  kill: 0x15,
  word: 0x17,
  escape: 0x1b,
  delete: 0x7f,
};

/** What an asker wants of a line. */
export interface LineWish {
  /** Nothing of it is shown. */
  readonly hidden?: boolean;
  /** Earlier lines, the oldest first, for the keys up and down. */
  readonly history?: readonly string[];
  /** What the last word of a text could become. */
  readonly complete?: (text: string) => readonly string[];
}

export interface EditorStep {
  /** What the terminal is to be sent. */
  readonly echo: string;
  /** The line that has ended; or Ctrl-C; or Ctrl-D on an empty line, by which somebody says that he leaves. */
  readonly ended?: { readonly line: string } | 'break' | 'gone';
  /** What the last word could become, where that is more than one thing: to be listed, and the line to be drawn again. */
  readonly choices?: readonly string[];
}

/**
 * A line as it is typed, with the keys that people know from shells, on the dumbest of terminals: all it sends is text and
 * backspaces. Seven bits; what else comes (line noise, the sequences of other keys) is dropped and never echoed.
 */
export class LineEditor {
  #wish: LineWish = {};
  #text = '';
  /** Characters left of the cursor. */
  #at = 0;
  #afterCr = false;
  readonly #escape = new EscapeSequence();
  /** Which earlier line is shown, counted from the newest; 0 for what is being typed. */
  #back = 0;
  #typed = '';

  /** What is typed so far. */
  get text(): string {
    return this.#text;
  }

  /** What the terminal is to be sent after a prompt to show what is typed so far. */
  get drawn(): string {
    return this.#show(this.#text) + this.#left(this.#text.length - this.#at);
  }

  /** For the next line. */
  begin(wish: LineWish): void {
    this.#wish = wish;
  }

  clear(): void {
    this.#text = '';
    this.#at = 0;
    this.#back = 0;
    this.#typed = '';
    this.#escape.clear();
  }

  key(byte: number): EditorStep {
    const afterCr = this.#afterCr;
    this.#afterCr = byte === KEY.cr;
    // Line end and Ctrl-C also end a sequence that never came to its end.
    if (byte === KEY.lf && afterCr) return { echo: '' };
    if (byte === KEY.cr || byte === KEY.lf) return this.#end();
    if (byte === KEY.break) {
      this.clear();
      return { echo: '^C\r\n', ended: 'break' };
    }
    if (this.#escape.open || byte === KEY.escape) return this.#named(this.#escape.push(byte));
    switch (byte) {
      case KEY.backspace:
      case KEY.delete:
        return this.#erase(1);
      case KEY.word:
        return this.#erase(/\S*\s*$/.exec(this.#text.slice(0, this.#at))?.[0].length ?? 0);
      case KEY.kill:
        return this.#replace('');
      case KEY.cut:
        return { echo: this.#cut(this.#text.length - this.#at) };
      case KEY.gone:
        return this.#text === '' ? { echo: '\r\n', ended: 'gone' } : { echo: this.#cut(1) };
      case KEY.tab:
        return this.#complete();
      case KEY.home:
      case KEY.end:
        return this.#move(byte === KEY.home ? -this.#at : this.#text.length);
      case KEY.left:
      case KEY.right:
        return this.#move(byte === KEY.left ? -1 : 1);
      case KEY.previous:
      case KEY.next:
        return this.#recall(byte === KEY.previous ? 1 : -1);
    }
    return byte < 0x20 || byte > 0x7e ? { echo: '' } : this.#insert(String.fromCharCode(byte));
  }

  #named(name: string | undefined): EditorStep {
    switch (name) {
      case 'up':
      case 'down':
        return this.#recall(name === 'up' ? 1 : -1);
      case 'left':
      case 'right':
        return this.#move(name === 'left' ? -1 : 1);
      case 'home':
      case 'end':
        return this.#move(name === 'home' ? -this.#at : this.#text.length);
      case 'delete':
        return { echo: this.#cut(1) };
      default:
        return { echo: '' };
    }
  }

  #end(): EditorStep {
    const line = this.#text;
    this.clear();
    return { echo: '\r\n', ended: { line } };
  }

  #insert(letters: string): EditorStep {
    if (this.#text.length + letters.length > LONGEST) return { echo: BELL };
    const rest = this.#text.slice(this.#at);
    this.#text = this.#text.slice(0, this.#at) + letters + rest;
    this.#at += letters.length;
    return { echo: this.#show(letters + rest) + this.#left(rest.length) };
  }

  #erase(count: number): EditorStep {
    const gone = Math.min(count, this.#at);
    this.#at -= gone;
    return { echo: this.#left(gone) + this.#cut(gone) };
  }

  /** Takes so many characters right of the cursor away. */
  #cut(count: number): string {
    const rest = this.#text.slice(this.#at + count);
    const gone = this.#text.length - this.#at - rest.length;
    this.#text = this.#text.slice(0, this.#at) + rest;
    return this.#show(rest + ' '.repeat(gone)) + this.#left(rest.length + gone);
  }

  #move(by: number): EditorStep {
    const to = Math.min(Math.max(this.#at + by, 0), this.#text.length);
    const echo = to < this.#at ? this.#left(this.#at - to) : this.#show(this.#text.slice(this.#at, to));
    this.#at = to;
    return { echo };
  }

  #replace(text: string): EditorStep {
    const { echo: home } = this.#move(-this.#at);
    const gone = this.#cut(this.#text.length);
    return { echo: home + gone + this.#insert(text).echo };
  }

  #recall(by: 1 | -1): EditorStep {
    const { history = [] } = this.#wish;
    const back = this.#back + by;
    if (back < 0 || back > history.length) return { echo: BELL };
    if (this.#back === 0) this.#typed = this.#text;
    this.#back = back;
    return this.#replace((back === 0 ? this.#typed : (history.at(-back) ?? '')).slice(0, LONGEST));
  }

  #complete(): EditorStep {
    const before = this.#text.slice(0, this.#at);
    const choices = this.#wish.complete?.(before) ?? [];
    const [first] = choices;
    if (first === undefined) return { echo: BELL };
    const word = /\S*$/.exec(before)?.[0] ?? '';
    const shared = choices.reduce(sharedStart);
    const more = choices.length === 1 ? `${first.slice(word.length)} ` : shared.slice(word.length);
    if (more !== '') return this.#insert(more);
    return { echo: '', choices };
  }

  #show(text: string): string {
    return this.#wish.hidden === true ? '' : text;
  }

  #left(count: number): string {
    return this.#wish.hidden === true ? '' : '\b'.repeat(count);
  }
}

function sharedStart(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}
