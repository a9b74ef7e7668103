import { createHash } from 'node:crypto';
import { ByteView, fromHex, NsError, toHex } from '../../base/index.ts';
import {
  LAST_EPOCH,
  LAST_POSITION,
  SYNC_CHANGES,
  SYNC_NOTICES,
  type SyncDrive,
  type SyncNotice,
  type SyncRecord,
} from './record.ts';

/**
 * A record as it travels, little-endian, always of this length: unit 8, epoch 4, version 4, flags 1, notices 1,
 * position 2, state 1, fault 1, change 1, at 4, DSI 4, CSI 4, sectors 8, serial 20, model 40.
 */
export const RECORD_BYTES = 103;

export const UNIT_BYTES = 8;
const SERIAL = { at: 43, length: 20 };
const MODEL = { at: 63, length: 40 };
const FLAG = { departed: 1, hearsBelow: 2, drive: 4, sector4096: 8 } as const;
const UNKNOWN_POSITION = 0xffff;
/** Sectors of a disk: 48-bit LBAs. */
const MOST_SECTORS = 2 ** 48 - 1;

export function encodeRecord(record: SyncRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  const { drive } = record;
  bytes.set(fromHex(record.unit), 0);
  view.setUint32(8, record.epoch, true);
  view.setUint32(12, record.version, true);
  bytes[16] =
    (record.departed ? FLAG.departed : 0) |
    (record.hearsBelow ? FLAG.hearsBelow : 0) |
    (drive === undefined ? 0 : FLAG.drive) |
    (drive?.sectorSize === 4096 ? FLAG.sector4096 : 0);
  bytes[17] = record.notices.reduce((bits, notice) => bits | (1 << SYNC_NOTICES.indexOf(notice)), 0);
  view.setUint16(18, record.position ?? UNKNOWN_POSITION, true);
  bytes[20] = record.state;
  bytes[21] = record.fault;
  bytes[22] = SYNC_CHANGES.indexOf(record.last);
  view.setUint32(23, record.at, true);
  view.setUint32(27, record.dsi, true);
  view.setUint32(31, record.csi, true);
  if (drive !== undefined) {
    view.setBigUint64(35, BigInt(drive.sectors), true);
    bytes.set(Buffer.from(printable(drive.serial, SERIAL.length), 'latin1'), SERIAL.at);
    bytes.set(Buffer.from(printable(drive.model, MODEL.length), 'latin1'), MODEL.at);
  }
  return bytes;
}

/** What can travel of a drive's text: printable ASCII, cut to the field, without blanks around it. */
export function printable(text: string, length: number): string {
  return text
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, length)
    .trim();
}

/** Throws NS_SYNC_MALFORMED, or NS_BYTES_SHORT, for whatever encodeRecord does not make. */
export function decodeRecord(bytes: Uint8Array): SyncRecord {
  const view = new ByteView(bytes, 'a chain record');
  if (view.length !== RECORD_BYTES) throw malformed(`${view.length} bytes long`);
  const flags = view.u8(16);
  const epoch = view.u32le(8);
  const position = view.u16le(18);
  const last = SYNC_CHANGES[view.u8(22)];
  if (flags > 15) throw malformed('with unknown flags');
  if (epoch > LAST_EPOCH) throw malformed('of an impossible epoch');
  if (last === undefined) throw malformed('of an unknown change');
  return {
    unit: toHex(view.slice(0, UNIT_BYTES)),
    epoch,
    version: view.u32le(12),
    departed: (flags & FLAG.departed) !== 0,
    hearsBelow: (flags & FLAG.hearsBelow) !== 0,
    notices: noticesOf(view.u8(17)),
    position: position > LAST_POSITION ? undefined : position,
    state: view.u8(20),
    fault: view.u8(21),
    last,
    at: view.u32le(23),
    dsi: view.u32le(27),
    csi: view.u32le(31),
    drive: driveOf(view, flags),
  };
}

function noticesOf(bits: number): readonly SyncNotice[] {
  if (bits >>> SYNC_NOTICES.length !== 0) throw malformed('with unknown notices');
  return SYNC_NOTICES.filter((_, bit) => (bits & (1 << bit)) !== 0);
}

function driveOf(view: ByteView, flags: number): SyncDrive | undefined {
  const sectors = view.u64leNumber(35);
  const serial = textOf(view, SERIAL);
  const model = textOf(view, MODEL);
  if ((flags & FLAG.drive) === 0) {
    if ((flags & FLAG.sector4096) !== 0 || sectors !== 0 || serial !== '' || model !== '')
      throw malformed('of a drive that is not there');
    return undefined;
  }
  if (sectors > MOST_SECTORS) throw malformed('of a drive of 2^48 sectors or more');
  return { model, serial, sectors, sectorSize: (flags & FLAG.sector4096) !== 0 ? 4096 : 512 };
}

function textOf(view: ByteView, { at, length }: { at: number; length: number }): string {
  const field = Buffer.from(view.slice(at, length)).toString('latin1');
  const text = field.replace(/\0+$/, '');
  if (text !== printable(text, length)) throw malformed('with a text that no drive has');
  return text;
}

export const malformed = (how: string): NsError =>
  new NsError('NS_SYNC_MALFORMED', `a message of chain synchronisation ${how}`, { family: 'peer' });

/** First 8 bytes of the SHA-256 of a record, in hexadecimal. */
export function recordDigest(encoded: Uint8Array): string {
  return createHash('sha256').update(encoded).digest('hex').slice(0, 16);
}
