import { type Duration, milliseconds } from './duration.ts';

/** Where it all goes: a line that takes what it has room for. */
interface Line {
  /** False where the line has no room: nothing was taken. */
  write(bytes: Uint8Array): boolean;
  /** Absent where the line sends no breaks. */
  sendBreak?(): Promise<void>;
}

interface Sleeper {
  sleep(time: Duration, signal: AbortSignal): Promise<void>;
}

export interface LineQueueLimits {
  /** Bytes that may wait: here they can be taken back. */
  readonly capacity: number;
  /** More breaks than whoever listens can tell apart are none. */
  readonly breaks: number;
}

/** What goes to the line at a time, bytes: the line keeps what it has. */
const PIECE = 256;
const AGAIN = milliseconds(50);

/** Bytes and breaks on their way to a line that takes them slowly, in order. */
export class LineQueue {
  readonly #line: Line;
  readonly #sleeper: Sleeper;
  readonly #limits: LineQueueLimits;
  readonly #over = new AbortController();
  #waiting: (Uint8Array | 'break')[] = [];
  #bytes = 0;
  #busy = false;
  /** Bytes that the line has taken. */
  sent = 0;

  constructor(line: Line, sleeper: Sleeper, limits: LineQueueLimits) {
    this.#line = line;
    this.#sleeper = sleeper;
    this.#limits = limits;
  }

  /** Bytes that it still takes. */
  get room(): number {
    return this.#limits.capacity - this.#bytes;
  }

  /** False where none of them was taken: the line is too far behind. */
  push(bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.room) return false;
    const own = bytes.slice();
    for (let at = 0; at < own.byteLength; at += PIECE) this.#waiting.push(own.subarray(at, at + PIECE));
    this.#bytes += own.byteLength;
    this.#start();
    return true;
  }

  /** False where the line sends none, or too many wait. */
  pushBreak(): boolean {
    if (this.#line.sendBreak === undefined) return false;
    if (this.#waiting.filter((each) => each === 'break').length >= this.#limits.breaks) return false;
    this.#waiting.push('break');
    this.#start();
    return true;
  }

  /** Takes back what has not gone to the line. */
  clear(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }

  /** For good. */
  stop(): void {
    this.clear();
    this.#over.abort(new Error('the line was left'));
  }

  #start(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#drain().catch(() => undefined);
  }

  async #drain(): Promise<void> {
    const { signal } = this.#over;
    try {
      for (let first = this.#waiting[0]; first !== undefined && !signal.aborted; first = this.#waiting[0]) {
        if (first === 'break') {
          this.#waiting.shift();
          await this.#line.sendBreak?.().catch(() => undefined);
        } else if (this.#line.write(first)) {
          this.#waiting.shift();
          this.#bytes -= first.byteLength;
          this.sent += first.byteLength;
        } else await this.#sleeper.sleep(AGAIN, signal);
      }
    } finally {
      this.#busy = false;
    }
  }
}
