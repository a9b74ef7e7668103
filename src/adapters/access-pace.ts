import { type Duration, milliseconds } from '../base/index.ts';

/** An access that took longer than this was not from memory; larger ones may take as much longer as copying takes. */
const SLOW: Duration = milliseconds(1);
const BYTES_PER_MILLISECOND = 256 * 1024;
/** Accesses that go to the thread pool after a slow one. Doubles with each that is slow again. */
const FIRST_PENANCE = 64;
const LONGEST_PENANCE = 64 * 1024;
/** So many quick ones in a row, and a slow one costs the least again. */
const FORGIVEN_AFTER = 1024;

/**
 * Decides which accesses to a disk may be made at once, holding the event loop, and which go to the thread pool: at once
 * while they are measured to be as quick as memory, which for small ones is far cheaper than a thread; by the pool for a
 * while as soon as one was slow. Of N accesses at most one in 64 holds the loop long, and on a disk that stays slow one
 * in 65,536.
 */
export class AccessPace {
  #penance = FIRST_PENANCE;
  #pooled = 0;
  #quick = 0;

  /** Asked once for each access, before it. */
  mayHoldLoop(): boolean {
    if (this.#pooled === 0) return true;
    this.#pooled -= 1;
    return false;
  }

  /** What an access made at once has taken. */
  measured(bytes: number, took: Duration): void {
    if (took <= SLOW + bytes / BYTES_PER_MILLISECOND) {
      this.#quick += 1;
      if (this.#quick >= FORGIVEN_AFTER) this.#penance = FIRST_PENANCE;
      return;
    }
    this.#pooled = this.#penance;
    this.#penance = Math.min(this.#penance * 2, LONGEST_PENANCE);
    this.#quick = 0;
  }
}
