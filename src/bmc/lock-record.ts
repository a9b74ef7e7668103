import * as v from 'valibot';
import { frameJson, type RecordKind, type StoredCopy, storedCopy, unframeJson } from '../base/index.ts';

export type LockWish = 'enabled' | 'disabled';

/** What the device has been told about being disabled. Versions only rise. */
export interface LockRecord {
  readonly state: LockWish;
  readonly version: number;
  /** Wall clock of the change, seconds since 1970, and as wrong as that clock was. */
  readonly since?: number;
  /** Key id of the person who gave the order, in hexadecimal digits. */
  readonly by?: string;
  readonly reason?: string;
  /** By key id: the counter of the latest order that the lock followed. An older one of that key comes too late. */
  readonly orders?: Readonly<Record<string, number>>;
}

export type LockCopy = StoredCopy<LockRecord>;

export const versionOf = (copy: LockCopy): number => (copy.is === 'whole' ? copy.record.version : 0);

/** Room for the longest reason, escaped letter by letter, beside the counters of 64 keys. */
const KIND: RecordKind = { letters: 'NSLK', largest: 16_384 };

const recordSchema = v.strictObject({
  state: v.picklist(['enabled', 'disabled']),
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  since: v.optional(v.pipe(v.number(), v.safeInteger())),
  by: v.optional(v.pipe(v.string(), v.regex(/^([0-9a-f]{2}){0,32}$/))),
  reason: v.optional(v.pipe(v.string(), v.maxLength(1024))),
  orders: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[0-9a-f]{2,64}$/)), v.pipe(v.number(), v.safeInteger())),
  ),
});

export function encodeLockRecord(record: LockRecord): Uint8Array {
  return frameJson(KIND, record);
}

export function decodeLockCopy(bytes: Uint8Array | undefined): LockCopy {
  return storedCopy(bytes, decodeRecord);
}

function decodeRecord(bytes: Uint8Array): LockRecord | undefined {
  const stored = unframeJson(KIND, bytes, recordSchema);
  if (stored === undefined) return undefined;
  const { state, version, since, by, reason, orders } = stored;
  return {
    state,
    version,
    ...(since === undefined ? {} : { since }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(orders === undefined ? {} : { orders }),
  };
}

/** What the copies together say, and whether they must be written again to agree. */
export interface LockJudgement {
  readonly record: LockRecord;
  readonly rewrite: boolean;
}

/**
 * Two copies, one answer; in doubt the machine stays disabled. A whole copy that says `disabled` decides, even beside a
 * newer `enabled`: releasing counts only once both copies say so. Without any whole copy, damage means disabled; only
 * a device that never had a record is enabled by default.
 */
export function judgeLock(a: LockCopy, b: LockCopy): LockJudgement {
  const whole = [a, b].flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []));
  const newest = Math.max(0, ...whole.map((record) => record.version));
  const disabled = whole
    .filter((record) => record.state === 'disabled')
    .sort((x, y) => y.version - x.version)[0];
  if (disabled) {
    const agreed = whole.length === 2 && whole.every((r) => r.state === 'disabled' && r.version === newest);
    const version = disabled.version === newest ? newest : newest + 1;
    return { record: { ...disabled, version }, rewrite: !agreed };
  }
  const enabled = whole.sort((x, y) => y.version - x.version)[0];
  if (enabled) {
    return { record: enabled, rewrite: whole.length < 2 || whole.some((r) => r.version !== newest) };
  }
  if (a.is === 'absent' && b.is === 'absent') {
    return { record: { state: 'enabled', version: 0 }, rewrite: false };
  }
  return {
    record: { state: 'disabled', version: 1, reason: 'The lock record is damaged.' },
    rewrite: true,
  };
}

/**
 * The record of the own storage beside a copy that is kept elsewhere. Both are written at every change, the witness last: where
 * the witness is the newer, own storage was put back to an earlier day, and what the witness says holds.
 */
export function heedWitness(
  own: LockJudgement,
  witness: LockCopy,
): LockJudgement & { readonly rolledBack: boolean } {
  if (witness.is !== 'whole' || witness.record.version <= own.record.version) {
    return { ...own, rolledBack: false };
  }
  return { record: witness.record, rewrite: true, rolledBack: true };
}
