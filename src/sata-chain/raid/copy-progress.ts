import type { Lba } from '../target.ts';
import type { ArrayStore } from './array-store.ts';
import type { ArrayTable, CopyOrder } from './array-table.ts';

/**
 * How far a copy is. Its target holds rightly what lies below the cursor and not in a changed region.
 *
 * `both`: a write below the cursor goes to the target too. `track`: it goes to the live copies alone, and its regions
 * are changed ones, to be copied again; so a copy by order costs the host nothing until its end.
 */
export interface CopyProgress {
  readonly order: CopyOrder;
  mode: 'track' | 'both';
  /** In the array's LBAs; only ever grows. */
  cursor: Lba;
  /** What a restart will find at least. */
  durableCursor: Lba;
  readonly changed: Set<number>;
  /** A changed region that is being copied again. */
  recopying: number | undefined;
  /** Changed regions copied again so far. */
  recopied: number;
}

/** Progress as the table now wants it: none, the same copy going on, or a new one from its stored cursor. */
export function followTable(
  before: CopyProgress | undefined,
  table: ArrayTable,
  store: Pick<ArrayStore, 'cursor'>,
): CopyProgress | undefined {
  const order = table.copy;
  if (order === null) return undefined;
  if (before?.order.id === order.id) {
    if (before.order === order) return before;
    // The source of a relocation failed: from now on it is a rebuild.
    return Object.assign(before, { order, mode: order.kind === 'rebuild' ? 'both' : before.mode });
  }
  const cursor = order.logicalBase + Math.min(order.length, store.cursor(order.id));
  return {
    order,
    mode: order.kind === 'rebuild' ? 'both' : 'track',
    cursor,
    durableCursor: cursor,
    changed: new Set(),
    recopying: undefined,
    recopied: 0,
  };
}

/** Few enough changed regions, or too many rounds, to go on by sending writes to both. */
export function shouldClose(progress: CopyProgress, regions: number): boolean {
  return progress.changed.size <= 2 || progress.recopied > 4 * regions;
}
