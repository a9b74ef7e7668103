/** A list of listeners that may leave while they are called. */
export class Listeners<A extends readonly unknown[]> {
  #all: readonly ((...args: A) => void)[] = [];

  add(listener: (...args: A) => void): () => void {
    const own = (...args: A) => listener(...args);
    this.#all = [...this.#all, own];
    return () => {
      this.#all = this.#all.filter((other) => other !== own);
    };
  }

  call(...args: A): void {
    for (const listener of this.#all) listener(...args);
  }
}
