/** Those who wait for something to become true. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  /** Resolves when it holds, now or at a later look; rejects with the signal's reason. */
  wait(signal: AbortSignal, holds: () => boolean): Promise<void> {
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
        if (!holds()) return;
        stop();
        resolve();
      };
      if (signal.aborted) return fail();
      signal.addEventListener('abort', fail, { once: true });
      this.#waiting.add(look);
      look();
    });
  }

  look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
