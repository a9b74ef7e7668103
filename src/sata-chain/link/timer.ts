import type { Nanoseconds, Scheduler } from '../time.ts';

/** One timer: it runs or it does not. */
export class Timer {
  readonly #scheduler: Scheduler;
  #cancel: (() => void) | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Leaves one alone that runs. */
  start(delay: Nanoseconds, fire: () => void): void {
    this.#cancel ??= this.#scheduler.after(delay, () => {
      this.#cancel = undefined;
      fire();
    });
  }

  restart(delay: Nanoseconds, fire: () => void): void {
    this.stop();
    this.start(delay, fire);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
