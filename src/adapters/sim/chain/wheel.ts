import type { Nanoseconds, Scheduler } from '../../../sata-chain/index.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
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
    this.#push(entry);
    return () => {
      entry.fire = undefined;
    };
  }

  /** Fires the next event and says true, or says false where none is left before or at `until`. */
  step(until: number = Number.POSITIVE_INFINITY): boolean {
    for (let top = this.#heap[0]; top !== undefined && top.at <= until; top = this.#heap[0]) {
      this.#pop();
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

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
