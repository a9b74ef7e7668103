import * as v from 'valibot';
import { frameJson, type RecordKind, type StoredCopy, storedCopy, unframeJson } from '../../base/index.ts';
import { DESTRUCTIONS } from '../destruction.ts';
import { MAX_PER_EPOCH } from '../token.ts';
import type { LimitsState } from './budget-limits.ts';
import { MAX_SEEN, MAX_SPENT, type SpentMark } from './budget-rules.ts';
import type { StoredAllowance } from './plain-allowance.ts';

/** All that a device remembers of the budget. */
export interface BudgetRecord {
  /** Higher each time it is written. */
  readonly seq: number;
  /** Absent until the first change: what the configuration says counts. */
  readonly limits?: LimitsState;
  /** Tokens as they travel. */
  readonly seen: readonly Uint8Array[];
  readonly spent: readonly SpentMark[];
  readonly plain: StoredAllowance;
}

export type BudgetCopy = StoredCopy<BudgetRecord>;

/** Room for as many tokens as are kept, the largest that there are. */
const KIND: RecordKind = { letters: 'NSBG', largest: 4 * 1024 * 1024 };

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const limit = v.pipe(whole, v.maxValue(MAX_PER_EPOCH));
const limits = v.strictObject({ lock: limit, wipe: limit });
const elapsed = v.pipe(v.number(), v.finite(), v.minValue(0));
const hex = v.pipe(v.string(), v.regex(/^([0-9a-f]{2}){1,32}$/));

const schema = v.strictObject({
  seq: whole,
  limits: v.optional(
    v.strictObject({
      version: whole,
      inForce: limits,
      pending: v.optional(v.strictObject({ limits, waitedMs: elapsed })),
    }),
  ),
  seen: v.pipe(v.array(v.pipe(v.string(), v.base64())), v.maxLength(MAX_SEEN)),
  spent: v.pipe(
    v.array(
      v.strictObject({ epoch: whole, for: v.picklist(DESTRUCTIONS), n: whole, governor: hex, order: hex }),
    ),
    v.maxLength(MAX_SPENT),
  ),
  plain: v.strictObject({ elapsedMs: elapsed, used: v.record(v.string(), whole) }),
});

export function encodeBudgetRecord(record: BudgetRecord): Uint8Array {
  const seen = record.seen.map((packet) => Buffer.from(packet).toString('base64'));
  return frameJson(KIND, { ...record, seen });
}

export function decodeBudgetCopy(bytes: Uint8Array | undefined): BudgetCopy {
  return storedCopy(bytes, decodeRecord);
}

function decodeRecord(bytes: Uint8Array): BudgetRecord | undefined {
  const stored = unframeJson(KIND, bytes, schema);
  if (stored === undefined) return undefined;
  const { limits: changed, seen, ...rest } = stored;
  return {
    ...rest,
    seen: seen.map((packet) => new Uint8Array(Buffer.from(packet, 'base64'))),
    ...(changed === undefined ? {} : { limits: limitsOf(changed) }),
  };
}

function limitsOf({
  version,
  inForce,
  pending,
}: NonNullable<v.InferOutput<typeof schema>['limits']>): LimitsState {
  return { version, inForce, ...(pending === undefined ? {} : { pending }) };
}

export type StoredBudget =
  | { readonly is: 'none' }
  /** With whether the copies must be written again to agree. */
  | { readonly is: 'record'; readonly record: BudgetRecord; readonly rewrite: boolean }
  | { readonly is: 'damaged' };

/** Two copies, one answer: the one written last counts. A device that has none that is whole, and had one, knows nothing. */
export function judgeBudgetCopies(a: BudgetCopy, b: BudgetCopy): StoredBudget {
  const records = [a, b].flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []));
  const [first, second] = records.sort((x, y) => y.seq - x.seq);
  if (first === undefined) return a.is === 'absent' && b.is === 'absent' ? { is: 'none' } : { is: 'damaged' };
  return { is: 'record', record: first, rewrite: second?.seq !== first.seq };
}
