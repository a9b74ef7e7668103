import { utf8 } from '../../base/index.ts';
import type { SerialLine } from '../../ports/index.ts';

/** Waiting text; what comes beyond it is dropped: nobody reads what a console said an hour ago. */
const MOST_WAITING = 32 * 1024;
const PIECE = 1024;

/** Prints on a line as fast as the line takes it, and keeps nobody waiting. */
export class SerialPrinter {
  readonly #line: SerialLine;
  readonly #over = new AbortController();
  #waiting = '';
  #busy = false;
  #pumping: Promise<void> | undefined;

  constructor(line: SerialLine) {
    this.#line = line;
    line.onHangUp((reason) => this.#over.abort(new Error(reason)));
  }

  print(text: string): void {
    this.#waiting += text.slice(0, MOST_WAITING - this.#waiting.length);
    if (!this.#busy) this.#pumping = this.#pump();
  }

  /** Drops what was not sent yet. */
  async close(): Promise<void> {
    this.#over.abort(new Error('the console is closed'));
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    const { signal } = this.#over;
    this.#busy = true;
    while (this.#waiting !== '' && !signal.aborted) {
      const piece = this.#waiting.slice(0, PIECE);
      if (this.#line.write(utf8(piece))) this.#waiting = this.#waiting.slice(piece.length);
      else await this.#line.room(signal).catch(() => undefined);
    }
    this.#busy = false;
  }
}
