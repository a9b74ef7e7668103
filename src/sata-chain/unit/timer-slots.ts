import type { Nanoseconds, Scheduler } from '../time.ts';

/** One running timer a name, on a scheduler. A timer that was stopped or replaced never fires. */
export class TimerSlots<Name extends string> {
  readonly #scheduler: Scheduler;
  readonly #fire: (name: Name) => void;
  readonly #stops = new Map<Name, () => void>();

  constructor(scheduler: Scheduler, fire: (name: Name) => void) {
    this.#scheduler = scheduler;
    this.#fire = fire;
  }

  start(name: Name, after: Nanoseconds): void {
    this.stop(name);
    const cancel = this.#scheduler.after(after, () => {
      if (this.#stops.get(name) !== cancel) return;
      this.#stops.delete(name);
      this.#fire(name);
    });
    this.#stops.set(name, cancel);
  }

  stop(name: Name): void {
    this.#stops.get(name)?.();
    this.#stops.delete(name);
  }

  stopAll(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
