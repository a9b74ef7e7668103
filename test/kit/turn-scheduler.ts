import { type Nanoseconds, nanoseconds, type Scheduler } from '../../src/sata-chain/index.ts';

/** Time by turns of the event loop: each is 10 microseconds, so what takes few turns is in time however busy the machine is. */
export class TurnScheduler implements Scheduler {
  #now = 0;
  #turning = false;
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): Nanoseconds {
    return nanoseconds(this.#now);
  }

  /** Timers under way. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delay: Nanoseconds, fire: () => void): () => void {
    const timer = { at: this.#now + delay, fire };
    this.#timers.add(timer);
    this.#turn();
    return () => this.#timers.delete(timer);
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.#now += 10_000;
      for (const timer of this.#timers) {
        if (timer.at > this.#now) continue;
        this.#timers.delete(timer);
        timer.fire();
      }
      if (this.#timers.size > 0) this.#turn();
    });
  }
}
