import * as v from 'valibot';
import { frameJson, type RecordKind, type StoredCopy, storedCopy, unframeJson } from '../base/index.ts';
import { type AbsenceRecord, WARNINGS } from './absence.ts';

/** A record with its place among those of this device; the later one of two copies counts. */
export interface StoredAbsence extends AbsenceRecord {
  readonly n: number;
}

export type AbsenceCopy = StoredCopy<StoredAbsence>;

const KIND: RecordKind = { letters: 'NSAB', largest: 1024 };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.strictObject({
  n: count,
  ran: v.pipe(v.number(), v.finite(), v.minValue(0)),
  warned: v.picklist([0, ...WARNINGS]),
  lock: count,
});

export function encodeAbsence(record: StoredAbsence): Uint8Array {
  return frameJson(KIND, record);
}

export function decodeAbsence(stored: Uint8Array | undefined): AbsenceCopy {
  return storedCopy(stored, (bytes) => unframeJson(KIND, bytes, schema));
}

/** The later of two copies. Without a whole one, damage is told apart from a device that never counted. */
export function judgeAbsence(a: AbsenceCopy, b: AbsenceCopy): AbsenceCopy {
  const [latest] = [a, b]
    .flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []))
    .sort((x, y) => y.n - x.n);
  if (latest !== undefined) return { is: 'whole', record: latest };
  return { is: a.is === 'absent' && b.is === 'absent' ? 'absent' : 'damaged' };
}
