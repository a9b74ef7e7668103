import type { Stop } from '../../ports/index.ts';

/** Whether something is connected, and who wants to know: each is told the present state at once, and changes only. */
export class Connection {
  readonly #listeners = new Set<(connected: boolean) => void>();
  #up = false;

  get up(): boolean {
    return this.#up;
  }

  onChange(listener: (connected: boolean) => void): Stop {
    let last: boolean | undefined;
    const own = (connected: boolean): void => {
      if (connected === last) return;
      last = connected;
      listener(connected);
    };
    this.#listeners.add(own);
    own(this.#up);
    return () => this.#listeners.delete(own);
  }

  tell(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    for (const listener of [...this.#listeners]) {
      // A listener may have changed it again: the others then hear only that.
      if (this.#up === up) listener(up);
    }
  }
}
