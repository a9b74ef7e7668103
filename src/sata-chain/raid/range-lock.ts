import { AtaFault, type SectorRange } from '../target.ts';
import { overlaps } from './mapping.ts';

/** The most that waits at once: far beyond a full queue of every port, so only a fault reaches it. */
const MOST_WAITING = 4096;

interface Waiting {
  readonly range: SectorRange;
  readonly grant: () => void;
}

/**
 * Puts commands on overlapping ranges in the order of asking, so that both copies of a mirror see them in one order
 * and a piece under copy is still. Those that do not overlap are not held up, save behind an earlier one that waits.
 */
export class RangeLock {
  readonly #held = new Set<SectorRange>();
  #waiting: Waiting[] = [];

  /** Takes the range now, or says that it is not free. Give it back by `release` with the same object. */
  tryAcquire(range: SectorRange): boolean {
    if (this.#blocked(range, this.#waiting)) return false;
    this.#held.add(range);
    return true;
  }

  /** Fulfilled once the range is held. Throws where the host gives up meanwhile, or far too many wait. */
  async acquire(range: SectorRange, signal?: AbortSignal): Promise<void> {
    if (this.tryAcquire(range)) return;
    if (this.#waiting.length >= MOST_WAITING) throw new AtaFault('ABORTED', 'too many commands wait');
    signal?.throwIfAborted();
    let leave = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const one = { range, grant: resolve };
        this.#waiting.push(one);
        leave = () => {
          if (!this.#waiting.includes(one)) return;
          this.#waiting = this.#waiting.filter((other) => other !== one);
          // Those behind it may have waited for nothing else.
          this.#grant();
          reject(new AtaFault('ABORTED', 'given up before it began'));
        };
        signal?.addEventListener('abort', leave, { once: true });
      });
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  release(range: SectorRange): void {
    this.#held.delete(range);
    this.#grant();
  }

  #grant(): void {
    if (this.#waiting.length === 0) return;
    const still: Waiting[] = [];
    for (const one of this.#waiting) {
      if (this.#blocked(one.range, still)) {
        still.push(one);
        continue;
      }
      this.#held.add(one.range);
      one.grant();
    }
    this.#waiting = still;
  }

  #blocked(range: SectorRange, earlier: readonly Waiting[]): boolean {
    for (const held of this.#held) if (overlaps(held, range)) return true;
    return earlier.some((one) => overlaps(one.range, range));
  }
}
