import type { Duration } from '../base/index.ts';

/**
 * Something that happened and is worth counting or timing. Every text in it comes from a closed list of ours (verbs,
 * outcomes, codes, the board's names of its disks): never a path, an id, or what a host, a key or a person said.
 */
export type Measure =
  /** An accepted order has its answer. `code` where it was not obeyed, or failed. */
  | {
      readonly of: 'order';
      readonly verb: string;
      readonly outcome: string;
      readonly code?: string;
      readonly took: Duration;
    }
  /** A packet was not taken as an order. */
  | { readonly of: 'rejection'; readonly code: string }
  /** The switch confirmed a disk's new place, or has lost it. */
  | { readonly of: 'disk'; readonly disk: string; readonly at: 'ours' | 'host' | 'held' | 'unknown' }
  /** All leases of a disk were ended, and it was brought home. */
  | { readonly of: 'hand-back'; readonly took: Duration; readonly inTime: boolean }
  /** A volume was judged before it was read or written; `code` of the refusal. */
  | { readonly of: 'gate'; readonly want: 'read' | 'write'; readonly code?: string };

/** Takes measures. Never throws, never waits, and costs next to nothing; absent where nobody measures. */
export interface MeasureSink {
  take(measure: Measure): void;
}
