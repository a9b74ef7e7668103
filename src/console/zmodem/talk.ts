import { type Duration, NsError } from '../../base/index.ts';
import type { Clock, SerialLine, Stop } from '../../ports/index.ts';
import { CANCEL } from './encode.ts';
import { type ZmodemEvent, ZmodemParser } from './parser.ts';
import { XON } from './wire.ts';

/** The line, as far as a transfer needs it. */
export type ZmodemLine = Pick<SerialLine, 'write' | 'room' | 'onData' | 'onHangUp'>;

const BIG_O = 0x4f;
/** "OO", and what ends the line of the header before it. */
const LEAVING = new Set([BIG_O, 0x0d, 0x0a, XON]);
/** Unread bytes. Both directions ask to be waited for long before that; what comes beyond it is lost, as on any line. */
const MOST_WAITING = 128 * 1024;

/** One end of a transfer on a line: bytes go out as the line takes them, events come in when they are asked for. */
export class ZmodemTalk {
  readonly #line: ZmodemLine;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #parser = new ZmodemParser();
  readonly #stops: readonly Stop[];
  #waiting: Uint8Array[] = [];
  #count = 0;
  /** Of the first of them, how many bytes are used. */
  #used = 0;
  #wake: (() => void) | undefined;
  #lost: string | undefined;

  constructor(line: ZmodemLine, clock: Clock, signal: AbortSignal) {
    this.#line = line;
    this.#clock = clock;
    this.#signal = signal;
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort);
    this.#stops = [
      line.onData((bytes) => this.#take(bytes)),
      line.onHangUp((reason) => {
        this.#lost = reason;
        this.#wake?.();
      }),
      () => signal.removeEventListener('abort', onAbort),
    ];
  }

  /** Resolves when the line has taken the bytes. NS_LINE_LOST where it hung up. */
  async send(bytes: Uint8Array): Promise<void> {
    this.#check();
    while (!this.#line.write(bytes)) {
      await this.#line.room(this.#signal);
      this.#check();
    }
  }

  /** The next event; undefined where none came in this time. NS_LINE_LOST, NS_ZMODEM_CANCELLED, the signal's reason. */
  next(wait: Duration): Promise<ZmodemEvent | undefined> {
    return this.#until(wait, () => this.poll());
  }

  /** Passes over the two letters with which a sender leaves, as far as they come in this time; other bytes stay. */
  async farewell(wait: Duration): Promise<void> {
    let letters = 0;
    await this.#until(wait, () => {
      this.#check();
      for (let byte = this.#first(); byte !== undefined; byte = this.#first()) {
        if (letters === 2 || !LEAVING.has(byte & 0x7f)) return true;
        if (byte === BIG_O) letters += 1;
        this.#use();
      }
      return letters === 2 ? true : undefined;
    });
  }

  async #until<T>(wait: Duration, look: () => T | undefined): Promise<T | undefined> {
    let late = false;
    let stop: Stop | undefined;
    try {
      for (;;) {
        const found = look();
        if (found !== undefined || late) return found;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          stop ??= this.#clock.after(wait, () => {
            late = true;
            this.#wake?.();
          });
        });
      }
    } finally {
      stop?.();
      this.#wake = undefined;
    }
  }

  /** The next event that has come already. */
  poll(): ZmodemEvent | undefined {
    this.#check();
    for (let byte = this.#first(); byte !== undefined; byte = this.#first()) {
      this.#use();
      const event = this.#parser.push(byte);
      if (event?.is === 'cancelled') {
        throw new NsError('NS_ZMODEM_CANCELLED', 'the other end has cancelled the transfer', {
          family: 'peer',
        });
      }
      if (event !== undefined) return event;
    }
    return undefined;
  }

  #first(): number | undefined {
    return this.#waiting[0]?.[this.#used];
  }

  #use(): void {
    this.#used += 1;
    this.#count -= 1;
    if (this.#used < (this.#waiting[0]?.byteLength ?? 0)) return;
    this.#waiting.shift();
    this.#used = 0;
  }

  /** Tells the other end that nothing more comes of it, if there still is one. */
  cancel(): void {
    if (this.#lost === undefined) this.#line.write(CANCEL);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #take(bytes: Uint8Array): void {
    if (this.#count + bytes.byteLength > MOST_WAITING) return;
    if (bytes.byteLength > 0) this.#waiting.push(bytes.slice());
    this.#count += bytes.byteLength;
    this.#wake?.();
  }

  #check(): void {
    this.#signal.throwIfAborted();
    if (this.#lost === undefined) return;
    throw new NsError('NS_LINE_LOST', `the line hung up: ${this.#lost}`, { family: 'peer', retryable: true });
  }
}
