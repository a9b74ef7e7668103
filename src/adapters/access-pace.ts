import { type Duration, milliseconds } from '../base/index.ts';

/** An access that took longer than this was perhaps not from memory: the quickest disks take about twice as long. */
const SUSPECT: Duration = milliseconds(0.05);
/** Where nothing else tells, it takes so long to count as the disk. */
const SLOW: Duration = milliseconds(1);
/** Larger ones may take as much longer as copying takes. */
const BYTES_PER_MILLISECOND = 256 * 1024;
/** Accesses that go to the thread pool after a slow one. */
const FIRST_PENANCE = 16;
const LONGEST_PENANCE = 1024;
/** So many quick ones in a row, and the next slow one costs half as much. */
const FORGIVEN_AFTER = 64;

/** Two doubtful ones this close are no doubt. */
const NEAR = 32;

/** Whether a slow access waited for the disk, or perhaps only for the processor. */
export type Waited = 'yes' | 'perhaps' | 'no';

/**
 * Decides which accesses to a disk may be made at once, holding the event loop, and which go to the thread pool: at once
 * while they are measured to be as quick as memory, which for small ones is far cheaper than a thread; by the pool for a
 * while as soon as one was slow. Of all accesses at most two in 17 hold the loop long, and on a disk that stays slow
 * two in 1025.
 */
export class AccessPace {
  #penance = FIRST_PENANCE;
  #pooled = 0;
  #quick = 0;
  #sinceDoubt = NEAR;

  /** Asked once for each access, before it. */
  mayHoldLoop(): boolean {
    if (this.#pooled === 0) return true;
    this.#pooled -= 1;
    return false;
  }

  /** What an access made at once has taken. `waited` is asked about one that took long. */
  measured(bytes: number, took: Duration, waited: () => Waited): void {
    this.#sinceDoubt += 1;
    const beyondCopying = took - bytes / BYTES_PER_MILLISECOND;
    if (beyondCopying <= SUSPECT || !this.#isSlow(beyondCopying, waited())) {
      this.#quick += 1;
      if (this.#quick < FORGIVEN_AFTER) return;
      this.#quick = 0;
      this.#penance = Math.max(FIRST_PENANCE, this.#penance / 2);
      return;
    }
    this.#pooled = this.#penance;
    this.#penance = Math.min(this.#penance * 2, LONGEST_PENANCE);
    this.#quick = 0;
  }

  #isSlow(took: number, waited: Waited): boolean {
    if (waited !== 'perhaps') return waited === 'yes';
    if (took <= SLOW) return false;
    const isNear = this.#sinceDoubt <= NEAR;
    this.#sinceDoubt = 0;
    return isNear;
  }
}
