/** The bound on what waits to be written to one descriptor, and the waiting for room. */
export class WriteRoom {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #used = 0;
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False where it does not fit beside what waits; where nothing waits, anything fits. */
  take(count: number): boolean {
    if (this.#closed || (this.#used > 0 && this.#used + count > this.#limit)) return false;
    this.#used += count;
    return true;
  }

  /** So many bytes wait no more. */
  give(count: number): void {
    this.#used -= count;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Resolves when half of the room is free, or there will be no more. */
  wait(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#used * 2 <= this.#limit, signal);
  }

  /** Resolves when nothing waits, or nothing ever will. */
  empty(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#used === 0, signal);
  }

  #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', fail);
      };
      const fail = (): void => {
        stop();
        reject(signal.reason as Error);
      };
      const look = (): void => {
        if (!this.#closed && !holds()) return;
        stop();
        resolve();
      };
      if (signal.aborted) return fail();
      signal.addEventListener('abort', fail, { once: true });
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
