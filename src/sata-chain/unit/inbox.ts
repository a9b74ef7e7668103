/** Gives inputs to a machine one after the other: those that come while one is worked on wait their turn. */
export class Inbox<T> {
  readonly #work: (input: T) => void;
  readonly #waiting: T[] = [];
  #working = false;

  constructor(work: (input: T) => void) {
    this.#work = work;
  }

  give(input: T): void {
    this.#waiting.push(input);
    if (this.#working) return;
    this.#working = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#work(next);
    } finally {
      this.#working = false;
    }
  }
}
