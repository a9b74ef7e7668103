/** A first-in, first-out queue that never holds more than its capacity. What does not fit is refused, not dropped unseen. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #items: T[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False where the queue is full; the item is then not taken. */
  push(item: T): boolean {
    if (this.#items.length >= this.capacity) return false;
    this.#items.push(item);
    return true;
  }

  /** Pushes, and gives back the oldest item where that had to make room. */
  pushDroppingOldest(item: T): T | undefined {
    const dropped = this.#items.length >= this.capacity ? this.#items.shift() : undefined;
    this.#items.push(item);
    return dropped;
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  /** Takes out every item that fits, oldest first. */
  removeWhere(fits: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (let i = 0; i < this.#items.length; ) {
      const item = this.#items[i]!;
      if (fits(item)) {
        removed.push(item);
        this.#items.splice(i, 1);
      } else i += 1;
    }
    return removed;
  }

  *[Symbol.iterator](): Iterator<T> {
    yield* this.#items;
  }
}
