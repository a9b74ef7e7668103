/** Works one after another, in the order in which they were asked for, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the work does. It begins when all that was asked for before has ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** When all that was asked for until now has ended. Never rejects. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
