import type { Duration } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';

/** Wakes the one loop that waits for it. A ring while nobody waits is kept, so none is lost. */
export class Bell {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Ends at the next ring, or after the duration. Rejects with the signal's reason. */
  async wait(atMost: Duration, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#rung && atMost > 0) await this.#sleep(atMost, signal);
    this.#rung = false;
    signal.throwIfAborted();
  }

  /** One listener a wait, removed after it: a long transfer waits thousands of times on the same signal. */
  async #sleep(atMost: Duration, signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const rung = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const wake = () => this.#wake?.();
    signal.addEventListener('abort', wake, { once: true });
    try {
      await Promise.race([rung, this.#clock.sleep(atMost, timer.signal)]);
    } finally {
      signal.removeEventListener('abort', wake);
      this.#wake = undefined;
      timer.abort('rung');
    }
  }
}
