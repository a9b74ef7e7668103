import * as v from 'valibot';
import { ByteView, concatBytes, crc32c, equalBytes, fromUtf8, utf8 } from '../base/index.ts';
import { type AbsenceRecord, WARNINGS } from './absence.ts';

/** A record with its place among those of this device; the later one of two copies counts. */
export interface StoredAbsence extends AbsenceRecord {
  readonly n: number;
}

export type AbsenceCopy =
  | { readonly is: 'absent' | 'damaged' }
  | { readonly is: 'whole'; readonly record: StoredAbsence };

const MAGIC = utf8('NSAB');
const HEAD = 12;
const LARGEST = 1024;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.strictObject({
  n: count,
  ran: v.pipe(v.number(), v.finite(), v.minValue(0)),
  warned: v.picklist([0, ...WARNINGS]),
  lock: count,
});

/** "NSAB", length of the body (32 bits, big endian), CRC-32C of the body, body in JSON. */
export function encodeAbsence(record: StoredAbsence): Uint8Array {
  const body = utf8(JSON.stringify(record));
  const head = new Uint8Array(HEAD);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint32(4, body.byteLength);
  view.setUint32(8, crc32c(body));
  return concatBytes(head, body);
}

export function decodeAbsence(stored: Uint8Array | undefined): AbsenceCopy {
  if (stored === undefined) return { is: 'absent' };
  const record = decodeRecord(stored);
  return record === undefined ? { is: 'damaged' } : { is: 'whole', record };
}

function decodeRecord(stored: Uint8Array): StoredAbsence | undefined {
  if (stored.byteLength < HEAD || stored.byteLength > LARGEST) return undefined;
  const view = new ByteView(stored, 'absence record');
  const body = stored.subarray(HEAD);
  if (!equalBytes(view.slice(0, 4), MAGIC)) return undefined;
  if (view.u32be(4) !== body.byteLength || view.u32be(8) !== crc32c(body)) return undefined;
  const text = fromUtf8(body);
  try {
    return text === undefined ? undefined : v.parse(schema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The later of two copies. Without a whole one, damage is told apart from a device that never counted. */
export function judgeAbsence(a: AbsenceCopy, b: AbsenceCopy): AbsenceCopy {
  const [latest] = [a, b]
    .flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []))
    .sort((x, y) => y.n - x.n);
  if (latest !== undefined) return { is: 'whole', record: latest };
  return { is: a.is === 'absent' && b.is === 'absent' ? 'absent' : 'damaged' };
}
