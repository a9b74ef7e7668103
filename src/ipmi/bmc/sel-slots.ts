import { ByteView, crc32c } from '../../base/index.ts';
import { SEL_RECORD_SIZE } from '../commands/get-sel-entry.ts';
import { flag, le32 } from '../wire/bits.ts';

/** A record of the log as the BMC keeps it. */
export interface KeptRecord {
  /** Counts all records that there ever were: tells the order, and gives the id. */
  readonly sequence: number;
  /** Of the host, of operators, and of sessions: these come in any number, and must not push the others out. */
  readonly passing: boolean;
  /** Seconds since 1970 by the log's clock. */
  readonly added: number;
  /** 16 bytes, with id. */
  readonly record: Uint8Array;
}

/** What is known of the log beside its records. */
export interface LogHeader {
  readonly generation: number;
  /** Records up to this one are erased, whatever their slots hold: so an erasure is one write. */
  readonly erasedTo: number;
  /** Seconds since 1970; 0 for never. */
  readonly lastErase: number;
  readonly lastAddition: number;
  readonly overflow: boolean;
}

export const NEW_LOG: LogHeader = {
  generation: 0,
  erasedTo: 0,
  lastErase: 0,
  lastAddition: 0,
  overflow: false,
};

/** Slots lie within sectors, so that a power cut spoils none but the one being written. */
export const SLOT = 32;
export const HEADER = 512;
const SUM_AT = SLOT - 4;
const MAGIC = 0x4c45_534e;
const USED = 0x01;
const PASSING_BIT = 1;

export const FREE_SLOT = new Uint8Array(SLOT);

export function encodeSlot({ sequence, passing, added, record }: KeptRecord): Uint8Array {
  const head = [...le32(sequence), USED | flag(passing, PASSING_BIT), 0, 0, 0];
  return summed([...head, ...record, ...le32(added)]);
}

/** Undefined where the slot is free, or was spoilt. */
export function decodeSlot(bytes: Uint8Array): KeptRecord | undefined {
  const view = checked(bytes);
  if (view === undefined || (view.u8(4) & USED) === 0) return undefined;
  return {
    sequence: view.u32le(0),
    passing: (view.u8(4) & flag(true, PASSING_BIT)) !== 0,
    added: view.u32le(8 + SEL_RECORD_SIZE),
    record: view.slice(8, SEL_RECORD_SIZE).slice(),
  };
}

export const encodeHeader = (header: LogHeader): Uint8Array =>
  summed([
    ...le32(MAGIC),
    ...le32(header.generation),
    ...le32(header.erasedTo),
    ...le32(header.lastErase),
    ...le32(header.lastAddition),
    flag(header.overflow, 0),
  ]);

export function decodeHeader(bytes: Uint8Array): LogHeader | undefined {
  const view = checked(bytes.subarray(0, SLOT));
  if (view === undefined || view.u32le(0) !== MAGIC) return undefined;
  return {
    generation: view.u32le(4),
    erasedTo: view.u32le(8),
    lastErase: view.u32le(12),
    lastAddition: view.u32le(16),
    overflow: (view.u8(20) & 1) === 1,
  };
}

function summed(fields: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(SLOT);
  bytes.set(fields);
  bytes.set(le32(crc32c(bytes.subarray(0, SUM_AT))), SUM_AT);
  return bytes;
}

function checked(bytes: Uint8Array): ByteView | undefined {
  const view = new ByteView(bytes, 'a slot of the event log');
  return view.u32le(SUM_AT) === crc32c(bytes.subarray(0, SUM_AT)) ? view : undefined;
}
