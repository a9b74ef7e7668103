/** Enough for a line of an order that was pasted, and for any command. */
const LONGEST = 256;
const BELL = '\x07';
const ERASE = '\b \b';

const KEY = {
  break: 0x03,
  backspace: 0x08,
  lf: 0x0a,
  cr: 0x0d,
  kill: 0x15,
  word: 0x17,
  escape: 0x1b,
  delete: 0x7f,
};

export interface EditorStep {
  /** What the terminal is to be sent. */
  readonly echo: string;
  /** The line that has ended, or that somebody left by Ctrl-C. */
  readonly ended?: { readonly line: string } | 'break';
}

/**
 * A line as it is typed on the dumbest of terminals: backspace, Ctrl-U, Ctrl-W, Ctrl-C; no cursor keys. Seven bits; what else
 * comes (line noise, the sequences of function keys) is dropped and never echoed.
 */
export class LineEditor {
  #text = '';
  #afterCr = false;
  #escape: 'no' | 'begun' | 'sequence' = 'no';

  /** What is typed so far. */
  get text(): string {
    return this.#text;
  }

  clear(): void {
    this.#text = '';
    this.#escape = 'no';
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
    if (this.#escape !== 'no' || byte === KEY.escape) return this.#swallow(byte);
    if (byte === KEY.backspace || byte === KEY.delete) return this.#erase(1);
    if (byte === KEY.kill) return this.#erase(this.#text.length);
    if (byte === KEY.word) return this.#erase(/\S*\s*$/.exec(this.#text)?.[0].length ?? 0);
    if (byte < 0x20 || byte > 0x7e) return { echo: '' };
    if (this.#text.length >= LONGEST) return { echo: BELL };
    const letter = String.fromCharCode(byte);
    this.#text += letter;
    return { echo: letter };
  }

  #end(): EditorStep {
    const line = this.#text;
    this.clear();
    return { echo: '\r\n', ended: { line } };
  }

  #erase(count: number): EditorStep {
    const gone = Math.min(count, this.#text.length);
    this.#text = this.#text.slice(0, this.#text.length - gone);
    return { echo: ERASE.repeat(gone) };
  }

  /** ESC and one letter, or ESC [ and ESC O with what follows, up to a letter or "~". */
  #swallow(byte: number): EditorStep {
    if (byte === KEY.escape) this.#escape = 'begun';
    else if (this.#escape === 'begun') this.#escape = byte === 0x5b || byte === 0x4f ? 'sequence' : 'no';
    else if (byte >= 0x40 && byte <= 0x7e) this.#escape = 'no';
    return { echo: '' };
  }
}
