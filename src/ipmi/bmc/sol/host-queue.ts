import { milliseconds } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import type { HostConsole } from '../machine.ts';

/** Characters, or a break. */
type Waiting = Uint8Array | 'break';

/** Bytes that may wait for a host that reads slowly. */
const CAPACITY = 4096;
const MOST_BREAKS = 16;
const AGAIN = milliseconds(50);

/** What is on its way to the host's console, in order, while the line has no room. */
export class HostQueue {
  readonly #console: HostConsole;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #waiting: Waiting[] = [];
  #bytes = 0;
  #busy = false;

  constructor(console: HostConsole, clock: Clock) {
    this.#console = console;
    this.#clock = clock;
  }

  /** How many characters it still takes. */
  get room(): number {
    return CAPACITY - this.#bytes;
  }

  /** No more than there is room for. */
  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes.slice());
    this.#bytes += bytes.byteLength;
    this.#start();
  }

  /** More breaks than a host can tell apart are none. */
  pushBreak(): void {
    if (this.#console.sendBreak === undefined) return;
    if (this.#waiting.filter((each) => each === 'break').length >= MOST_BREAKS) return;
    this.#waiting.push('break');
    this.#start();
  }

  clear(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }

  stop(): void {
    this.clear();
    this.#over.abort();
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
        } else await this.#clock.sleep(AGAIN, signal);
      }
    } finally {
      this.#busy = false;
    }
  }
}
