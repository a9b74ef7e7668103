import { utf8 } from '../../base/index.ts';
import type { SerialLine } from '../../ports/index.ts';

/** Waiting bytes; what comes beyond them is dropped: nobody reads what a console said an hour ago. */
const MOST_WAITING = 32 * 1024;
const PIECE = 1024;

/** Prints on a line as fast as the line takes it, and keeps nobody waiting. */
export class SerialPrinter {
  readonly #line: SerialLine;
  readonly #over = new AbortController();
  #waiting: Uint8Array[] = [];
  #count = 0;
  #busy = false;
  #pumping: Promise<void> | undefined;

  constructor(line: SerialLine) {
    this.#line = line;
    line.onHangUp((reason) => this.#over.abort(new Error(reason)));
  }

  print(text: string): void {
    this.push(utf8(text));
  }

  /** Bytes as they are. How many of them found room. */
  push(bytes: Uint8Array): number {
    const taken = bytes.slice(0, Math.max(0, MOST_WAITING - this.#count));
    if (taken.byteLength === 0 || this.#over.signal.aborted) return 0;
    this.#waiting.push(taken);
    this.#count += taken.byteLength;
    if (!this.#busy) this.#pumping = this.#pump();
    return taken.byteLength;
  }

  /** Takes back what has not gone to the line yet. */
  drop(): void {
    this.#waiting = [];
    this.#count = 0;
  }

  /** Resolves when nothing waits any more, or the line is gone. */
  async empty(): Promise<void> {
    await this.#pumping;
  }

  /** Drops what was not sent yet. */
  async close(): Promise<void> {
    this.#over.abort(new Error('the console is closed'));
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    const { signal } = this.#over;
    this.#busy = true;
    for (let first = this.#waiting[0]; first !== undefined && !signal.aborted; first = this.#waiting[0]) {
      const piece = first.subarray(0, PIECE);
      if (!this.#line.write(piece)) {
        await this.#line.room(signal).catch(() => undefined);
        continue;
      }
      this.#count -= piece.byteLength;
      if (piece.byteLength === first.byteLength) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(piece.byteLength);
    }
    this.#busy = false;
  }
}
