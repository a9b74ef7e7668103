import type { Readable } from 'node:stream';

/** Characters that are kept of what a program said. */
const KEPT = 256 * 1024;
const PATIENCE_MS = 120_000;

/** What a program says, line by line, to be waited for in the order in which it comes. */
export class HeardLines {
  readonly #name: string;
  #text = '';
  #from = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(name: string, stream: Readable) {
    this.#name = name;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#text += text.replaceAll('\r', '');
      const over = this.#text.length - KEPT;
      if (over > 0) {
        this.#text = this.#text.slice(over);
        this.#from = Math.max(0, this.#from - over);
      }
      this.#wake();
    });
    stream.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The last of all that was said, waited for or not. */
  get text(): string {
    return this.#text;
  }

  /**
   * The first whole line, after the one that was waited for last, in which the pattern is found. Throws, with all that
   * was said, where the program ends or the patience does.
   */
  async line(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const end = performance.now() + patienceMs;
    for (;;) {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const found = pattern.exec(next);
        if (found !== null) return found;
      }
      const left = end - performance.now();
      if (this.#ended || left <= 0) {
        const why = this.#ended ? 'ended' : `waited ${patienceMs} ms`;
        throw new Error(`${this.#name} never said ${String(pattern)} (${why}):\n${this.#text}`);
      }
      await this.#more(left);
    }
  }

  #next(): string | undefined {
    const end = this.#text.indexOf('\n', this.#from);
    if (end < 0) return undefined;
    const line = this.#text.slice(this.#from, end);
    this.#from = end + 1;
    return line;
  }

  async #more(patienceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, patienceMs);
      this.#wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}
