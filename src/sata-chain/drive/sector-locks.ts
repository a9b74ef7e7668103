import { whenAborted } from '../when-aborted.ts';

/** A stretch of sectors that a write under way covers. */
interface Held {
  readonly first: number;
  readonly end: number;
  readonly partial: boolean;
  readonly over: Promise<void>;
}

/**
 * Keeps writes of parts of a sector, which read it first, apart from every other write to that sector. Writes of whole
 * sectors do not wait for each other.
 */
export class SectorLocks {
  readonly #held = new Set<Held>();

  /** Runs the work once nothing that it must be apart from is under way. The signal ends the wait with its reason. */
  async run(
    first: number,
    end: number,
    partial: boolean,
    work: () => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const rival = this.#rival(first, end, partial);
      if (rival === undefined) break;
      await endOrAbort(rival.over, signal);
    }
    const done = work();
    const held: Held = { first, end, partial, over: done.then(ignore, ignore) };
    this.#held.add(held);
    try {
      await done;
    } finally {
      this.#held.delete(held);
    }
  }

  #rival(first: number, end: number, partial: boolean): Held | undefined {
    for (const held of this.#held) {
      if (held.first < end && first < held.end && (partial || held.partial)) return held;
    }
    return undefined;
  }
}

function endOrAbort(end: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return end;
  return new Promise((resolve, reject) => {
    const leave = whenAborted(signal, () => reject(signal.reason as Error));
    void end.then(() => {
      leave();
      resolve();
    });
  });
}

const ignore = (): void => {};
