import type { Stop } from '../ports/index.ts';

/** The end of a line: it comes once, and whoever asks later is told at once. */
export class HangUp {
  readonly #listeners = new Set<(reason: string) => void>();
  #reason: string | undefined;

  /** Why it has ended; undefined while it has not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  onHangUp(listener: (reason: string) => void): Stop {
    if (this.#reason !== undefined) {
      listener(this.#reason);
      return () => undefined;
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The line is over. Those that come second change nothing. */
  tell(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const listener of [...this.#listeners]) listener(reason);
    this.#listeners.clear();
  }
}
