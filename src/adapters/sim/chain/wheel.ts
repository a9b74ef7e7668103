import type { Nanoseconds, Scheduler } from '../../../sata-chain/index.ts';
import { type Due, putDue, takeDue } from '../../due-heap.ts';

interface Entry extends Due {
  fire: (() => void) | undefined;
}

/**
 * Virtual time for the phy models: a binary heap of events. Runs are deterministic: equal times fire in the order of
 * asking. A cancelled event stays in the heap as an empty entry until its time.
 */
export class Wheel implements Scheduler {
  #now = 0;
  #order = 0;
  #fired = 0;
  readonly #heap: Entry[] = [];

  now(): Nanoseconds {
    return this.#now as Nanoseconds;
  }

  /** Events fired since the beginning. */
  get fired(): number {
    return this.#fired;
  }

  after(delay: Nanoseconds, fire: () => void): () => void {
    const entry: Entry = { at: this.#now + Math.max(0, delay), order: this.#order++, fire };
    putDue(this.#heap, entry);
    return () => {
      entry.fire = undefined;
    };
  }

  /** Fires the next event and says true, or says false where none is left before or at `until`. */
  step(until: number = Number.POSITIVE_INFINITY): boolean {
    for (let top = this.#heap[0]; top !== undefined && top.at <= until; top = this.#heap[0]) {
      takeDue(this.#heap);
      if (top.fire === undefined) continue;
      this.#now = top.at;
      this.#fired += 1;
      top.fire();
      return true;
    }
    return false;
  }

  /** Runs for so long. Throws RangeError after `most` events: a machine that never rests. */
  run(length: Nanoseconds, most = 50_000_000): void {
    const until = this.#now + length;
    for (let left = most; this.step(until); left -= 1) {
      if (left <= 0) throw new RangeError(`more than ${most} events`);
    }
    this.#now = until;
  }
}
