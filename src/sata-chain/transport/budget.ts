interface Waiting {
  readonly amount: number;
  readonly signal: AbortSignal;
  readonly go: () => void;
  readonly stop: (reason: unknown) => void;
}

/** An amount that is lent out, first come first served: memory in bytes, or one turn at the link. */
export class Budget {
  readonly #capacity: number;
  #free: number;
  #waiting: Waiting[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#free = capacity;
  }

  /**
   * Ends when the amount is lent, with a function that gives it back; more than there is counts as all of it. Rejects
   * with the signal's reason where it is aborted by the next `sweep`.
   */
  async take(amount: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const lent = Math.min(amount, this.#capacity);
    if (this.#waiting.length > 0 || this.#free < lent) await this.#wait(lent, signal);
    else this.#free -= lent;
    return () => {
      this.#free += lent;
      this.#serve();
    };
  }

  /** To be called after a signal was aborted: ends the waiting of all that it stopped. */
  sweep(): void {
    const stopped = this.#waiting.filter(({ signal }) => signal.aborted);
    this.#waiting = this.#waiting.filter(({ signal }) => !signal.aborted);
    for (const { signal, stop } of stopped) stop(signal.reason);
    this.#serve();
  }

  #wait(amount: number, signal: AbortSignal): Promise<void> {
    return new Promise((go, stop) => {
      this.#waiting.push({ amount, signal, go, stop });
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.amount <= this.#free) {
      const next = this.#waiting.shift()!;
      this.#free -= next.amount;
      next.go();
    }
  }
}
