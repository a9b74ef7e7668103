import { type Duration, NsError, seconds } from '../base/index.ts';
import type { Clock, SerialLine, Stop } from '../ports/index.ts';

/** A line, as far as a file transfer needs it. */
export type TransferLine = Pick<SerialLine, 'write' | 'room' | 'onData' | 'onHangUp'>;

/** Unread bytes. Whoever sends is asked to wait long before that; what comes beyond it is lost, as on any line. */
const MOST_WAITING = 128 * 1024;
/** So long a line may take nothing: the other end has stopped it, or nobody reads. */
const STUCK = seconds(60);

/** The bytes of a line, one after the other, for as long as something has the line to itself. */
export class LineBytes {
  readonly #line: TransferLine;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #stops: readonly Stop[];
  #waiting: Uint8Array[] = [];
  #count = 0;
  /** Of the first of them, how many bytes are used. */
  #used = 0;
  #wake: (() => void) | undefined;
  #lost: string | undefined;

  constructor(line: TransferLine, clock: Clock, signal: AbortSignal) {
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

  /** Resolves when the line has taken the bytes. NS_LINE_LOST where it hung up, NS_LINE_STALLED; the signal's reason. */
  async send(bytes: Uint8Array): Promise<void> {
    this.check();
    while (!this.#line.write(bytes)) {
      await this.#room();
      this.check();
    }
  }

  async #room(): Promise<void> {
    const waiting = new AbortController();
    const onAbort = (): void => waiting.abort(this.#signal.reason);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    const stop = this.#clock.after(STUCK, () => waiting.abort(stuck()));
    try {
      await this.#line.room(waiting.signal);
    } finally {
      stop();
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  /** As far as the line takes it at once, and where it is still there. */
  sendLast(bytes: Uint8Array): void {
    if (this.#lost === undefined) this.#line.write(bytes);
  }

  /** The next byte that has come; it stays until `use`. */
  get first(): number | undefined {
    return this.#waiting[0]?.[this.#used];
  }

  use(): void {
    this.#used += 1;
    this.#count -= 1;
    if (this.#used < (this.#waiting[0]?.byteLength ?? 0)) return;
    this.#waiting.shift();
    this.#used = 0;
  }

  /** Drops what has come. */
  drop(): void {
    this.#waiting = [];
    this.#used = 0;
    this.#count = 0;
  }

  /** The next byte; undefined where none comes in this time. */
  next(wait: Duration): Promise<number | undefined> {
    return this.until(wait, () => {
      this.check();
      const byte = this.first;
      if (byte !== undefined) this.use();
      return byte;
    });
  }

  /** Looks again whenever bytes have come, until there is something to be found or the time is over. */
  async until<T>(wait: Duration, look: () => T | undefined): Promise<T | undefined> {
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

  /** NS_LINE_LOST where the line hung up; the signal's reason. */
  check(): void {
    this.#signal.throwIfAborted();
    if (this.#lost === undefined) return;
    throw new NsError('NS_LINE_LOST', `the line hung up: ${this.#lost}`, { family: 'peer', retryable: true });
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #take(bytes: Uint8Array): void {
    if (bytes.byteLength === 0 || this.#count + bytes.byteLength > MOST_WAITING) return;
    this.#waiting.push(bytes.slice());
    this.#count += bytes.byteLength;
    this.#wake?.();
  }
}

function stuck(): NsError {
  return new NsError('NS_LINE_STALLED', 'the line takes no more: nothing reads at its other end', {
    family: 'peer',
    retryable: true,
  });
}
