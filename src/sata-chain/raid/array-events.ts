import type { SectorRange } from '../target.ts';
import type { Nanoseconds } from '../time.ts';

/** What happened to an array that somebody may want to know. LBAs are the array's. */
export type ArrayEvent =
  | { readonly kind: 'member-failed'; readonly unit: string; readonly why: string }
  | { readonly kind: 'read-fault'; readonly unit: string; readonly range: SectorRange; readonly why: string }
  | { readonly kind: 'sectors-repaired'; readonly range: SectorRange }
  | { readonly kind: 'sectors-unreadable'; readonly ranges: readonly SectorRange[] }
  | { readonly kind: 'resync-begun'; readonly regions: number }
  | { readonly kind: 'resync-done' }
  | {
      readonly kind: 'copy-begun';
      readonly source: string;
      readonly target: string;
      readonly rebuild: boolean;
    }
  | { readonly kind: 'copy-stalled'; readonly why: string }
  | { readonly kind: 'copy-dropped'; readonly target: string }
  | { readonly kind: 'swapped'; readonly joined: string; readonly left: string }
  | { readonly kind: 'spare-ready'; readonly unit: string }
  | { readonly kind: 'state-lost'; readonly why: string };

export type TimedArrayEvent = ArrayEvent & { readonly at: Nanoseconds };

/** The last events, oldest first. */
export class EventRing {
  readonly #kept: TimedArrayEvent[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(event: TimedArrayEvent): void {
    this.#kept.push(event);
    if (this.#kept.length > this.#most) this.#kept.shift();
  }

  get events(): readonly TimedArrayEvent[] {
    return [...this.#kept];
  }
}
