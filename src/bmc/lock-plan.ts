import { toHex } from '../base/index.ts';
import {
  heedWitness,
  judgeLock,
  type LockCopy,
  type LockRecord,
  type LockWish,
  versionOf,
} from './lock-record.ts';

/** Who asks for a change of the lock, and why. */
export interface LockChange {
  readonly by?: Uint8Array;
  /** Of the order, among those of this key. */
  readonly counter?: number;
  readonly reason?: string;
  /** Only the lock of this version is meant: a later one stays as it is. */
  readonly onVersion?: number;
}

export const LOCK_COPIES = ['a', 'b'] as const;
export type LockCopyName = (typeof LOCK_COPIES)[number];

/** "hold" and "release" bring every level to the record, as far as it comes; "witness" tells the third copy. */
export type LockStep =
  | { readonly do: 'store'; readonly copy: LockCopyName }
  | { readonly do: 'witness' | 'hold' | 'release' };

/** A record, and what brings it about, one after the other. The power may go after any of them. */
export interface LockPlan {
  readonly record: LockRecord;
  readonly steps: readonly LockStep[];
}

const STORE: readonly LockStep[] = [
  ...LOCK_COPIES.map((copy) => ({ do: 'store', copy }) as const),
  { do: 'witness' },
];

/** Brings the levels to the record. */
export function follow({ state }: LockRecord): LockStep {
  return { do: state === 'disabled' ? 'hold' : 'release' };
}

/** What the copies say at a start, and what is to be stored before anything follows it. */
export function planStart(
  a: LockCopy,
  b: LockCopy,
  witness: LockCopy,
): LockPlan & { readonly rolledBack: boolean } {
  const { record, rewrite, rolledBack } = heedWitness(judgeLock(a, b), witness);
  const behind = record.version > 0 && versionOf(witness) !== record.version;
  return { record, steps: rewrite ? STORE : behind ? [{ do: 'witness' }] : [], rolledBack };
}

/**
 * What is to be done where the lock shall be so: where it is, its record stays but for whose order it was last, and the
 * levels are brought to it again.
 */
export function planOrder(
  now: LockRecord,
  wish: LockWish,
  change: LockChange,
  wallSeconds: number,
): LockPlan & { readonly changed: boolean } {
  const another = change.onVersion !== undefined && change.onVersion !== now.version;
  if (another) return { record: now, steps: [follow(now)], changed: false };
  if (now.state === wish) return { ...repeated(now, change), changed: false };
  const record: LockRecord = {
    state: wish,
    version: now.version + 1,
    since: wallSeconds,
    ...(change.by === undefined ? {} : { by: toHex(change.by) }),
    ...(change.reason === undefined ? {} : { reason: change.reason }),
    orders: withOrder(now.orders ?? {}, change),
  };
  return { record, steps: [...STORE, follow(record)], changed: true };
}

/** An order that was held back must not undo it: the later one is noted, though it changes nothing. */
function repeated(now: LockRecord, change: LockChange): LockPlan {
  const { by, counter } = change;
  const known = by === undefined ? 0 : (now.orders?.[toHex(by)] ?? 0);
  if (by === undefined || counter === undefined || counter <= known) {
    return { record: now, steps: [follow(now)] };
  }
  return { record: { ...now, orders: withOrder(now.orders ?? {}, change) }, steps: [follow(now), ...STORE] };
}

/**
 * Whether a record counts once this copy of it is stored. Memory holds at every moment what a restart would find: one copy makes
 * `disabled` count, both make `enabled`.
 */
export function countsWith(copy: LockCopyName, wish: LockWish): boolean {
  return wish === 'disabled' || copy === 'b';
}

/** Keys remembered; far more than have a say about one machine. */
const ORDERS_KEPT = 64;

function withOrder(
  orders: Readonly<Record<string, number>>,
  { by, counter }: LockChange,
): Record<string, number> {
  if (by === undefined || counter === undefined) return { ...orders };
  const others = Object.entries(orders).filter(([key]) => key !== toHex(by));
  return Object.fromEntries([...others.slice(-(ORDERS_KEPT - 1)), [toHex(by), counter]]);
}
