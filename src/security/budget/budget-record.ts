import * as v from 'valibot';
import { ByteView, concatBytes, crc32c, equalBytes, fromUtf8, utf8 } from '../../base/index.ts';
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

/** One stored copy: absent, whole, or there but not whole. */
export type BudgetCopy =
  | { readonly is: 'absent' }
  | { readonly is: 'whole'; readonly record: BudgetRecord }
  | { readonly is: 'damaged' };

const MAGIC = utf8('NSBG');
const HEAD = 12;
/** Room for as many tokens as are kept, the largest that there are. */
const LARGEST = 4 * 1024 * 1024;

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

/** "NSBG", length of the body (32 bits, little endian), CRC-32C of the body, body in JSON. */
export function encodeBudgetRecord(record: BudgetRecord): Uint8Array {
  const seen = record.seen.map((packet) => Buffer.from(packet).toString('base64'));
  const body = utf8(JSON.stringify({ ...record, seen }));
  const head = new Uint8Array(HEAD);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint32(4, body.byteLength, true);
  view.setUint32(8, crc32c(body), true);
  return concatBytes(head, body);
}

export function decodeBudgetCopy(bytes: Uint8Array | undefined): BudgetCopy {
  if (bytes === undefined) return { is: 'absent' };
  const record = decodeRecord(bytes);
  return record === undefined ? { is: 'damaged' } : { is: 'whole', record };
}

function decodeRecord(bytes: Uint8Array): BudgetRecord | undefined {
  if (bytes.byteLength < HEAD || bytes.byteLength > LARGEST) return undefined;
  const view = new ByteView(bytes, 'budget record');
  const body = bytes.subarray(HEAD);
  if (!equalBytes(view.slice(0, 4), MAGIC)) return undefined;
  if (view.u32le(4) !== body.byteLength || view.u32le(8) !== crc32c(body)) return undefined;
  const text = fromUtf8(body);
  if (text === undefined) return undefined;
  try {
    const { limits: stored, seen, ...rest } = v.parse(schema, JSON.parse(text));
    return {
      ...rest,
      seen: seen.map((packet) => new Uint8Array(Buffer.from(packet, 'base64'))),
      ...(stored === undefined ? {} : { limits: limitsOf(stored) }),
    };
  } catch {
    return undefined;
  }
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
