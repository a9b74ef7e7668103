import { Waiters } from '../base/index.ts';

/** The bound on what waits to be written to one descriptor, and the waiting for room. */
export class WriteRoom {
  readonly #limit: number;
  readonly #waiters = new Waiters();
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
    this.#waiters.look();
  }

  close(): void {
    this.#closed = true;
    this.#waiters.look();
  }

  /** Resolves when half of the room is free, or there will be no more. */
  wait(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal, () => this.#closed || this.#used * 2 <= this.#limit);
  }

  /** Resolves when nothing waits, or nothing ever will. */
  empty(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal, () => this.#closed || this.#used === 0);
  }
}
