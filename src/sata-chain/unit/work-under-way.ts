/** Work that nothing calls back once it is begun, whatever its giver was told, and whoever waits for its true end. */
export class WorkUnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];
  readonly #end = (): void => {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  get idle(): boolean {
    return this.#count === 0;
  }

  /** Counts it until it has ended, and gives the same promise back. */
  add<T>(work: Promise<T>): Promise<T> {
    this.#count += 1;
    work.then(this.#end, this.#end);
    return work;
  }

  /** Resolves when nothing is under way. */
  async over(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
