import { type Nanoseconds, nanoseconds, type Scheduler } from '../../src/sata-chain/index.ts';

/**
 * Time that jumps to the next timer whenever nothing else is left to do: for code that awaits promises which all come
 * from memory. A wait of an hour takes no time, and what is answered at once is always in time.
 */
export class IdleScheduler implements Scheduler {
  #now = 0;
  #timers: { readonly at: number; readonly fire: () => void }[] = [];
  #turning = false;
  #stopped = false;

  now(): Nanoseconds {
    return nanoseconds(this.#now);
  }

  after(delay: Nanoseconds, fire: () => void): () => void {
    const timer = { at: this.#now + delay, fire };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    this.#turn();
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Nothing fires any more: the power is off. */
  stop(): void {
    this.#stopped = true;
    this.#timers = [];
  }

  #turn(): void {
    if (this.#turning || this.#stopped) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const next = this.#timers.shift();
      if (next !== undefined && !this.#stopped) {
        this.#now = Math.max(this.#now, next.at);
        next.fire();
      }
      if (this.#timers.length > 0) this.#turn();
    });
  }
}
