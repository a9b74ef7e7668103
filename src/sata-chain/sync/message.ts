import { ByteView, concatBytes, crc32c, fromHex, toHex } from '../../base/index.ts';
import { LAST_EPOCH, LAST_POSITION, type Stamp, type SyncRecord } from './record.ts';
import { decodeRecord, encodeRecord, malformed, RECORD_BYTES, UNIT_BYTES } from './record-codec.ts';
import type { RangeDigest } from './table.ts';

/** Who speaks: the same at the head of every message. */
export interface Sender {
  readonly unit: string;
  /** Absent in a unit that is not enrolled in a chain. */
  readonly chain: string | undefined;
  readonly position: number | undefined;
}

/** What two neighbours say to each other on the channel `state`. */
export type SyncBody =
  /** What the sender knows of these units. `passOn`: the receiver says the same to its other neighbour. */
  | { readonly kind: 'ranges'; readonly passOn: boolean; readonly ranges: readonly RangeDigest[] }
  /** All that the sender knows of the units from `first` to `last`, without the contents. */
  | {
      readonly kind: 'summary';
      readonly first: string;
      readonly last: string;
      readonly rows: readonly SummaryRow[];
    }
  | { readonly kind: 'want'; readonly units: readonly string[] }
  | { readonly kind: 'records'; readonly records: readonly SyncRecord[] };

export interface SummaryRow extends Stamp {
  readonly unit: string;
}

export interface SyncMessage {
  readonly from: Sender;
  readonly body: SyncBody;
}

const FORMAT = 1;
const HEAD_BYTES = 21;
const CHECK_BYTES = 4;
const KINDS = ['ranges', 'summary', 'want', 'records'] as const;
const RANGE_BYTES = 28;
const SUMMARY_HEAD_BYTES = 16;
const SUMMARY_ROW_BYTES = 25;
const NO_CHAIN = '0000000000000000';
const NO_POSITION = 0xffff;

/** No message is larger, whatever the link could carry. */
export const LARGEST_MESSAGE = 1024;
/** A link must carry this much: one record. The slowest serial line does. */
export const SMALLEST_FRAME = HEAD_BYTES + RECORD_BYTES + CHECK_BYTES;

/** How much of each thing fits a message of so many bytes. */
export function roomIn(frame: number): {
  readonly ranges: number;
  readonly summary: number;
  readonly want: number;
  readonly records: number;
} {
  const room = Math.min(frame, LARGEST_MESSAGE) - HEAD_BYTES - CHECK_BYTES;
  return {
    ranges: Math.floor(room / RANGE_BYTES),
    summary: Math.floor((room - SUMMARY_HEAD_BYTES) / SUMMARY_ROW_BYTES),
    want: Math.floor(room / UNIT_BYTES),
    records: Math.floor(room / RECORD_BYTES),
  };
}

/**
 * Head: format 1, kind 1, flags 1, position 2, chain 8, unit 8; then items of one size; then the CRC-32C of all
 * that. Links have checks of their own, but what is taken here lives on in every table.
 */
export function encodeMessage({ from, body }: SyncMessage): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head[0] = FORMAT;
  head[1] = KINDS.indexOf(body.kind);
  head[2] = body.kind === 'ranges' && body.passOn ? 1 : 0;
  new DataView(head.buffer).setUint16(3, from.position ?? NO_POSITION, true);
  head.set(fromHex(from.chain ?? NO_CHAIN), 5);
  head.set(fromHex(from.unit), 13);
  const message = concatBytes(head, ...itemsOf(body));
  return concatBytes(message, u32(crc32c(message)));
}

function itemsOf(body: SyncBody): readonly Uint8Array[] {
  switch (body.kind) {
    case 'ranges':
      return body.ranges.map((range) =>
        concatBytes(fromHex(range.first), fromHex(range.last), u32(range.count), fromHex(range.digest)),
      );
    case 'summary':
      return [
        fromHex(body.first),
        fromHex(body.last),
        ...body.rows.map((row) =>
          concatBytes(
            fromHex(row.unit),
            u32(row.epoch),
            u32(row.version),
            Uint8Array.of(row.departed ? 1 : 0),
            fromHex(row.digest),
          ),
        ),
      ];
    case 'want':
      return body.units.map(fromHex);
    case 'records':
      return body.records.map(encodeRecord);
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Throws NS_SYNC_MALFORMED, or another NsError of the family `peer`, for whatever encodeMessage does not make. */
export function decodeMessage(frame: Uint8Array): SyncMessage {
  if (frame.byteLength > LARGEST_MESSAGE) throw malformed('is too large');
  const end = Math.max(0, frame.byteLength - CHECK_BYTES);
  const bytes = frame.subarray(0, end);
  if (new ByteView(frame, 'a message of chain synchronisation').u32le(end) !== crc32c(bytes) >>> 0)
    throw malformed('has a wrong checksum');
  const view = new ByteView(bytes, 'a message of chain synchronisation');
  const kind = KINDS[view.u8(1)];
  const flags = view.u8(2);
  const position = view.u16le(3);
  const chain = toHex(view.slice(5, 8));
  if (view.u8(0) !== FORMAT || kind === undefined) throw malformed('is of an unknown kind');
  if (flags > (kind === 'ranges' ? 1 : 0)) throw malformed('has unknown flags');
  const from: Sender = {
    unit: toHex(view.slice(13, UNIT_BYTES)),
    chain: chain === NO_CHAIN ? undefined : chain,
    position: position > LAST_POSITION ? undefined : position,
  };
  return { from, body: bodyOf(kind, flags === 1, bytes.subarray(HEAD_BYTES)) };
}

function bodyOf(kind: SyncBody['kind'], passOn: boolean, rest: Uint8Array): SyncBody {
  switch (kind) {
    case 'ranges':
      return { kind, passOn, ranges: cut(rest, RANGE_BYTES).map(rangeOf) };
    case 'summary': {
      const view = new ByteView(rest, 'a summary');
      const [first, last] = [toHex(view.slice(0, 8)), toHex(view.slice(8, 8))];
      if (first > last) throw malformed('has an empty range');
      return { kind, first, last, rows: cut(rest.subarray(16), SUMMARY_ROW_BYTES).map(summaryRowOf) };
    }
    case 'want':
      return { kind, units: cut(rest, UNIT_BYTES).map(toHex) };
    case 'records':
      return { kind, records: cut(rest, RECORD_BYTES).map(decodeRecord) };
  }
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  if (bytes.byteLength % size !== 0) throw malformed('ends in the middle');
  return Array.from({ length: bytes.byteLength / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

function rangeOf(bytes: Uint8Array): RangeDigest {
  const view = new ByteView(bytes);
  const [first, last] = [toHex(view.slice(0, 8)), toHex(view.slice(8, 8))];
  if (first > last) throw malformed('has an empty range');
  return { first, last, count: view.u32le(16), digest: toHex(view.slice(20, 8)) };
}

function summaryRowOf(bytes: Uint8Array): SummaryRow {
  const view = new ByteView(bytes);
  const departed = view.u8(16);
  if (departed > 1 || view.u32le(8) > LAST_EPOCH) throw malformed('has an impossible row');
  return {
    unit: toHex(view.slice(0, 8)),
    epoch: view.u32le(8),
    version: view.u32le(12),
    departed: departed === 1,
    digest: toHex(view.slice(17, 8)),
  };
}
