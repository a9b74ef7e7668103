import { availableParallelism } from 'node:os';

/** Milliseconds. A client that waits for each reply before it asks again is back sooner than this. */
const LINGER = 0.05;

/**
 * Keeps the event loop looking for a moment after a client was heard, instead of sleeping at once: to be woken takes longer
 * than most requests do, on a virtual machine far longer. It costs at most that moment for each time that bytes come.
 * With a single processor it does nothing, for there the client needs it.
 */
export class Wakefulness {
  readonly #useful = availableParallelism() > 1;
  #until = 0;
  #looking = false;

  heard(): void {
    if (!this.#useful) return;
    this.#until = performance.now() + LINGER;
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    // An immediate that waits keeps the loop from sleeping; whatever else is due is done in between.
    if (performance.now() < this.#until) setImmediate(this.#look);
    else this.#looking = false;
  };
}
