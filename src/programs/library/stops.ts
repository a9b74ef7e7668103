import { setMaxListeners } from 'node:events';

/** A signal of somebody's own, until it is let go. */
export interface Stop {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

interface Watched {
  readonly those: Set<AbortController>;
  readonly hear: () => void;
}

/**
 * Signals that abort with others, for a process that lives for long: each of the others has one listener, however many runs hang on
 * it, and none when the last of these is let go. (AbortSignal.any remembers each signal that it ever made of one, in Node 20; and Node
 * warns of more than ten listeners.)
 */
export class Stops {
  readonly #watched = new Map<AbortSignal, Watched>();

  /** Aborts with the first of these that does. So many may listen to it as there are hosts. */
  join(sources: readonly AbortSignal[]): Stop {
    const own = new AbortController();
    setMaxListeners(0, own.signal);
    const aborted = sources.find((source) => source.aborted);
    if (aborted !== undefined) own.abort(aborted.reason);
    else for (const source of sources) this.#watch(source, own);
    return {
      signal: own.signal,
      release: () => {
        for (const source of sources) this.#leave(source, own);
      },
    };
  }

  #watch(source: AbortSignal, own: AbortController): void {
    const known = this.#watched.get(source);
    if (known !== undefined) {
      known.those.add(own);
      return;
    }
    const those = new Set([own]);
    const hear = (): void => {
      this.#watched.delete(source);
      for (const each of those) each.abort(source.reason);
    };
    this.#watched.set(source, { those, hear });
    source.addEventListener('abort', hear, { once: true });
  }

  #leave(source: AbortSignal, own: AbortController): void {
    const watched = this.#watched.get(source);
    if (watched?.those.delete(own) !== true || watched.those.size > 0) return;
    this.#watched.delete(source);
    source.removeEventListener('abort', watched.hear);
  }
}
