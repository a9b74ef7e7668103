import type { Duration } from '../../base/index.ts';
import type { LineBytes } from '../line-bytes.ts';
import { cancelled } from '../transfer-faults.ts';
import { CANCEL } from './encode.ts';
import { type ZmodemEvent, ZmodemParser } from './parser.ts';
import { XON } from './wire.ts';

const BIG_O = 0x4f;
/** "OO", and what ends the line of the header before it. */
const LEAVING = new Set([BIG_O, 0x0d, 0x0a, XON]);

/** One end of a transfer on a line: bytes go out as the line takes them, events come in when they are asked for. */
export class ZmodemTalk {
  readonly #bytes: LineBytes;
  readonly #parser = new ZmodemParser();

  constructor(bytes: LineBytes) {
    this.#bytes = bytes;
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.#bytes.send(bytes);
  }

  /** The next event; undefined where none came in this time. NS_LINE_LOST, NS_LINE_CANCELLED, the signal's reason. */
  next(wait: Duration): Promise<ZmodemEvent | undefined> {
    return this.#bytes.until(wait, () => this.poll());
  }

  /** The next event that has come already. */
  poll(): ZmodemEvent | undefined {
    this.#bytes.check();
    for (let byte = this.#bytes.first; byte !== undefined; byte = this.#bytes.first) {
      this.#bytes.use();
      const event = this.#parser.push(byte);
      if (event?.is === 'cancelled') {
        throw cancelled('the other end');
      }
      if (event !== undefined) return event;
    }
    return undefined;
  }

  /** Passes over the two letters with which a sender leaves, as far as they come in this time; other bytes stay. */
  async farewell(wait: Duration): Promise<void> {
    let letters = 0;
    await this.#bytes.until(wait, () => {
      this.#bytes.check();
      for (let byte = this.#bytes.first; byte !== undefined; byte = this.#bytes.first) {
        if (letters === 2 || !LEAVING.has(byte & 0x7f)) return true;
        if (byte === BIG_O) letters += 1;
        this.#bytes.use();
      }
      return letters === 2 ? true : undefined;
    });
  }

  /** Tells the other end that nothing more comes of it, if there still is one. */
  cancel(): void {
    this.#bytes.sendLast(CANCEL);
  }
}
