import type { Nanoseconds, Scheduler } from '../time.ts';
import { changeBetween, type OwnFacts } from './own-facts.ts';
import { LAST_EPOCH, type SyncChange, type SyncRecord, stampAfter } from './record.ts';
import type { TableRow } from './table.ts';

/** What a unit tells of itself, and what changed in it last. */
export class OwnRecord {
  readonly #unit: string;
  readonly #scheduler: Scheduler;
  readonly #startedAt: Nanoseconds;
  #facts: OwnFacts | undefined;
  #last: { readonly change: SyncChange; readonly at: number } = { change: 'power-on', at: 0 };

  constructor(unit: string, scheduler: Scheduler) {
    this.#unit = unit;
    this.#scheduler = scheduler;
    this.#startedAt = scheduler.now();
  }

  /** True where the facts are not those of the time before. */
  observe(now: OwnFacts): boolean {
    const change = changeBetween(this.#facts, now);
    if (change === undefined) return false;
    const at = Math.floor((this.#scheduler.now() - this.#startedAt) / 1_000_000);
    this.#facts = now;
    this.#last = { change, at: Math.min(at, 0xffff_ffff) };
    return true;
  }

  /** The record to write over this row; undefined before anything was observed. */
  over(row: TableRow | undefined): SyncRecord | undefined {
    if (this.#facts === undefined) return undefined;
    const epoch = Math.min(this.#facts.epoch, LAST_EPOCH);
    const stamp = row === undefined || epoch > row.epoch ? { epoch, version: 0 } : stampAfter(row);
    const { change: last, at } = this.#last;
    return { ...this.#facts, ...stamp, unit: this.#unit, departed: false, last, at };
  }
}
