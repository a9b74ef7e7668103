import { KiB, milliseconds } from '../../base/index.ts';
import type { Clock, HostConsole } from '../../ports/index.ts';

/** What may wait here for a host that takes nothing now: here it can be taken back. */
const CAPACITY = 64 * KiB;
/** What goes to the line at a time, which keeps what it has. */
const PIECE = 256;
const MOST_BREAKS = 4;
const AGAIN = milliseconds(50);

/** What is typed, on its way to the host, in order. What does not fit is not taken, and counted. */
export class ToHost {
  readonly #console: HostConsole;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #waiting: (Uint8Array | 'break')[] = [];
  #bytes = 0;
  #busy = false;
  /** Bytes that the host has taken. */
  sent = 0;

  constructor(console: HostConsole, clock: Clock) {
    this.#console = console;
    this.#clock = clock;
  }

  /** False where it was not taken: the host is too far behind. */
  push(bytes: Uint8Array): boolean {
    if (this.#bytes + bytes.byteLength > CAPACITY) return false;
    for (let at = 0; at < bytes.byteLength; at += PIECE) this.#waiting.push(bytes.subarray(at, at + PIECE));
    this.#bytes += bytes.byteLength;
    this.#start();
    return true;
  }

  /** False where the line sends none, or too many wait. */
  pushBreak(): boolean {
    if (this.#console.sendBreak === undefined) return false;
    if (this.#waiting.filter((each) => each === 'break').length >= MOST_BREAKS) return false;
    this.#waiting.push('break');
    this.#start();
    return true;
  }

  /** What has not gone to the host stays unsent. */
  stop(): void {
    this.#waiting = [];
    this.#over.abort(new Error('the console was left'));
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
          await this.#console.sendBreak?.().catch(() => undefined);
        } else if (this.#console.write(first)) {
          this.#waiting.shift();
          this.#bytes -= first.byteLength;
          this.sent += first.byteLength;
        } else await this.#clock.sleep(AGAIN, signal);
      }
    } finally {
      this.#busy = false;
    }
  }
}
