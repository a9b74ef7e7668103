import { ByteView, crc32c } from '../../base/index.ts';

/** What is told of the bytes of a record from `at` on: when they came, that capture began with them, how many were lost before. */
export type LogMark =
  | { readonly is: 'time'; readonly at: number; readonly seconds: number }
  | { readonly is: 'start'; readonly at: number; readonly seconds: number }
  | { readonly is: 'lost'; readonly at: number; readonly count: number };

/** A piece of what the host said. It is stored again and again as it grows, each time in another place. */
export interface LogRecord {
  /** 0, 1, 2, ...: a record with the same number and more in it takes the place of this one. */
  readonly seq: number;
  readonly marks: readonly LogMark[];
  readonly bytes: Uint8Array;
}

/** A place on own storage. */
export const SLOT = 4096;
const HEAD = 20;
const MARK = 8;
const MAGIC = 0x4e53_4843;
const KINDS = ['time', 'start', 'lost'] as const;

/** Bytes that a record takes. */
export const sizeOf = (marks: number, bytes: number): number => HEAD + marks * MARK + bytes;

/** Magic, CRC-32C of the rest, number, count of marks, count of bytes; marks (where, of which kind, value); bytes. */
export function encodeLogRecord({ seq, marks, bytes }: LogRecord): Uint8Array {
  const slot = new Uint8Array(SLOT);
  const view = new DataView(slot.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(8, Math.floor(seq / 2 ** 32));
  view.setUint32(12, seq % 2 ** 32);
  view.setUint16(16, marks.length);
  view.setUint16(18, bytes.byteLength);
  let at = HEAD;
  for (const mark of marks) {
    view.setUint16(at, mark.at);
    view.setUint16(at + 2, KINDS.indexOf(mark.is));
    view.setUint32(at + 4, Math.min(mark.is === 'lost' ? mark.count : mark.seconds, 0xffff_ffff));
    at += MARK;
  }
  slot.set(bytes, at);
  view.setUint32(4, crc32c(slot.subarray(8)));
  return slot;
}

/** Undefined where the place holds none, or not the whole of it. */
export function decodeLogRecord(slot: Uint8Array): LogRecord | undefined {
  if (slot.byteLength !== SLOT) return undefined;
  const view = new ByteView(slot, 'console log');
  if (view.u32be(0) !== MAGIC || view.u32be(4) !== crc32c(slot.subarray(8))) return undefined;
  const [count, length] = [view.u16be(16), view.u16be(18)];
  if (sizeOf(count, length) > SLOT) return undefined;
  const marks: LogMark[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = HEAD + i * MARK;
    const is = KINDS[view.u16be(at + 2)];
    const value = view.u32be(at + 4);
    if (is === undefined || view.u16be(at) > length) return undefined;
    marks.push(
      is === 'lost' ? { is, at: view.u16be(at), count: value } : { is, at: view.u16be(at), seconds: value },
    );
  }
  const seq = view.u32be(8) * 2 ** 32 + view.u32be(12);
  return { seq, marks, bytes: view.slice(HEAD + count * MARK, length) };
}
