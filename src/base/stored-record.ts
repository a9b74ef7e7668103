import * as v from 'valibot';
import { ByteView, concatBytes, equalBytes, fromUtf8, utf8 } from './bytes.ts';
import { crc32c } from './checksum.ts';

/** One stored copy of a record: absent, whole, or there but not whole. */
export type StoredCopy<T> =
  | { readonly is: 'absent' }
  | { readonly is: 'whole'; readonly record: T }
  | { readonly is: 'damaged' };

/** A kind of record: four ASCII letters that begin it, and the longest that it may be, frame included, in bytes. */
export interface RecordKind {
  readonly letters: string;
  readonly largest: number;
}

const HEAD = 12;

/** The letters, length of the body (32 bits, little endian), CRC-32C of the body, body. */
export function frameRecord({ letters }: RecordKind, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD);
  head.set(utf8(letters));
  const view = new DataView(head.buffer);
  view.setUint32(4, body.byteLength, true);
  view.setUint32(8, crc32c(body), true);
  return concatBytes(head, body);
}

/** The body. Undefined where anything of it is not whole, it is of another kind, or too long for its own. */
export function unframeRecord({ letters, largest }: RecordKind, stored: Uint8Array): Uint8Array | undefined {
  if (stored.byteLength < HEAD || stored.byteLength > largest) return undefined;
  const view = new ByteView(stored, 'stored record');
  const body = stored.subarray(HEAD);
  const good =
    equalBytes(view.slice(0, 4), utf8(letters)) &&
    view.u32le(4) === body.byteLength &&
    view.u32le(8) === crc32c(body);
  return good ? body : undefined;
}

/** A frame around JSON. */
export function frameJson(kind: RecordKind, value: unknown): Uint8Array {
  return frameRecord(kind, utf8(JSON.stringify(value)));
}

/** What the schema makes of the JSON in a frame. Undefined where the frame, the JSON or its shape is not whole. */
export function unframeJson<T>(
  kind: RecordKind,
  stored: Uint8Array,
  schema: v.GenericSchema<unknown, T>,
): T | undefined {
  const body = unframeRecord(kind, stored);
  const text = body === undefined ? undefined : fromUtf8(body);
  if (text === undefined) return undefined;
  try {
    return v.parse(schema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** What a state store gave, as a copy of the record that `decode` finds in it. */
export function storedCopy<T>(
  stored: Uint8Array | undefined,
  decode: (stored: Uint8Array) => T | undefined,
): StoredCopy<T> {
  if (stored === undefined) return { is: 'absent' };
  const record = decode(stored);
  return record === undefined ? { is: 'damaged' } : { is: 'whole', record };
}
