/** What waits to be read, in all and of one teller. Of the latter so few that nobody's flood keeps others out. */
const WAITING_MAX = 16;
const WAITING_EACH = 4;

/** Messages that are read one at a time, each when the one before is done with; beyond its bounds they are dropped. */
export class HeardQueue<M extends { readonly teller: string }> {
  readonly #read: (message: M) => Promise<void>;
  readonly #waiting: M[] = [];
  #busy = false;
  #dropped = 0;

  /** `read` does not reject. */
  constructor(read: (message: M) => Promise<void>) {
    this.#read = read;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(message: M): void {
    const sameTeller = this.#waiting.filter(({ teller }) => teller === message.teller).length;
    if (this.#waiting.length >= WAITING_MAX || sameTeller >= WAITING_EACH) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(message);
    if (!this.#busy) void this.#go();
  }

  stop(): void {
    this.#waiting.length = 0;
  }

  async #go(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#read(next);
    }
    this.#busy = false;
  }
}
