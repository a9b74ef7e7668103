import { NsError } from '../base/index.ts';

const CLEAR_LINE = '\r\u001b[K';
const HOME = '\u001b[H';
const CLEAR_REST_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const DEFAULT_WIDTH = 80;
const DEFAULT_ROWS = 24;
const MIN_REDRAW_MS = 80;
const LONGEST_ANSWER = 1024;

/** The operator's terminal: answers on stdout, everything that passes on stderr. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  readonly #in: NodeJS.ReadStream;
  #status = '';
  #lastDraw = Number.NEGATIVE_INFINITY;

  constructor(
    streams: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream } = process,
  ) {
    this.#in = streams.stdin;
    this.#out = streams.stdout;
    this.#err = streams.stderr;
    // Whoever read the answers has gone ("| head"): the work goes on, and its exit status still counts.
    this.#out.on('error', () => undefined);
    this.#err.on('error', () => undefined);
  }

  /** True where somebody looks: then there is a progress line and questions are asked. */
  get interactive(): boolean {
    return this.#err.isTTY === true && this.#in.isTTY === true;
  }

  get width(): number {
    return this.#err.columns || DEFAULT_WIDTH;
  }

  /** What answers can be drawn on; undefined in a pipe. */
  get screen(): { readonly rows: number; readonly columns: number } | undefined {
    if (this.#out.isTTY !== true) return undefined;
    return { rows: this.#out.rows || DEFAULT_ROWS, columns: this.#out.columns || DEFAULT_WIDTH };
  }

  /** Draws the lines over what is there, without a moment in which there is nothing. */
  redraw(lines: readonly string[]): void {
    this.#out.write(HOME + lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('') + CLEAR_BELOW);
  }

  print(line: string): void {
    this.#hide();
    this.#out.write(`${line}\n`);
    this.#show();
  }

  warn(line: string): void {
    this.#hide();
    this.#err.write(`${line}\n`);
    this.#show();
  }

  /** One line that is drawn over itself; nothing at all in a pipe. */
  status(line: string): void {
    if (this.#err.isTTY !== true) return;
    this.#status = line;
    const now = performance.now();
    if (line !== '' && now - this.#lastDraw < MIN_REDRAW_MS) return;
    this.#lastDraw = now;
    this.#err.write(CLEAR_LINE + line);
  }

  #hide(): void {
    if (this.#status !== '') this.#err.write(CLEAR_LINE);
  }

  #show(): void {
    if (this.#status !== '') this.#err.write(this.#status);
  }

  /** True for "y" or "yes". */
  async confirm(question: string): Promise<boolean> {
    const answer = await this.#ask(`${question} [y/N] `, true);
    return /^y(es)?$/i.test(answer.trim());
  }

  /** A line typed, or what is usual where nothing was. NS_USAGE where there is no terminal to type at. */
  async question(question: string, usual: string): Promise<string> {
    const typed = await this.#ask(`${question}${usual === '' ? '' : ` [${usual}]`}: `, true);
    return typed.trim() || usual;
  }

  /** A line typed without echo. NS_USAGE where there is no terminal to type at. */
  async secret(question: string): Promise<string> {
    return this.#ask(`${question}: `, false);
  }

  /** Reads single keys, so that nothing of a secret is echoed and Ctrl-C is heard at once. */
  #ask(question: string, echo: boolean): Promise<string> {
    if (!this.interactive) {
      throw new NsError('NS_USAGE', 'a question would have to be asked, but this is no terminal', {
        family: 'caller',
      });
    }
    this.status('');
    this.#err.write(question);
    this.#in.setRawMode(true);
    this.#in.setEncoding('utf8');
    this.#in.resume();
    return new Promise((resolve, reject) => {
      let typed = '';
      const end = (settle: () => void): void => {
        this.#in.off('data', onData);
        this.#in.setRawMode(false);
        this.#in.pause();
        this.#err.write('\n');
        settle();
      };
      const onData = (text: string): void => {
        for (const key of text) {
          if (key === '\r' || key === '\n') {
            end(() => resolve(typed));
            return;
          }
          if (key === '\u0003' || key === '\u0004') {
            end(() => reject(new NsError('NS_INTERRUPTED', 'interrupted', { family: 'caller' })));
            return;
          }
          if (key === '\u007f' || key === '\b') {
            if (typed !== '' && echo) this.#err.write('\b \b');
            typed = typed.slice(0, -1);
          } else if (key >= ' ' && typed.length < LONGEST_ANSWER) {
            typed += key;
            if (echo) this.#err.write(key);
          }
        }
      };
      this.#in.on('data', onData);
    });
  }
}
