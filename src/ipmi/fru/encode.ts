import { concatBytes, NsError } from '../../base/index.ts';
import { checksum } from '../wire/checksum.ts';
import { encodeLatin1 } from '../wire/type-length.ts';
import {
  type BoardArea,
  type ChassisArea,
  END_OF_FIELDS,
  FRU_EPOCH,
  FRU_UNIT,
  FRU_VERSION,
  type FruAreaName,
  type FruField,
  type FruInventory,
  LAST_MULTI_RECORD,
  MULTI_RECORD_VERSION,
  type MultiRecord,
  OFFSET_AT,
  type ProductArea,
} from './inventory.ts';

const LONGEST_FIELD = 0x3f;
const LAST_MINUTE = 0xff_ffff;

/** An inventory for its device; texts as Latin-1. NS_IPMI_ARGUMENT where something does not fit into its place. */
export function encodeFru(inventory: FruInventory): Uint8Array {
  const { internalUse, chassis, board, product, records } = inventory;
  const header = new Uint8Array(FRU_UNIT);
  header[0] = FRU_VERSION;
  const parts: Uint8Array[] = [header];
  let end = header.byteLength;
  const place = (name: FruAreaName, bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) return;
    if (end / FRU_UNIT > 0xff) throw unfit('the inventory is too long for its header');
    header[OFFSET_AT[name]] = end / FRU_UNIT;
    const padded = new Uint8Array(Math.ceil(bytes.byteLength / FRU_UNIT) * FRU_UNIT);
    padded.set(bytes);
    parts.push(padded);
    end += padded.byteLength;
  };
  place('internalUse', internalUse && concatBytes(Uint8Array.of(FRU_VERSION), internalUse));
  place('chassis', chassis && chassisArea(chassis));
  place('board', board && boardArea(board));
  place('product', product && productArea(product));
  place('records', records.length === 0 ? undefined : multiRecords(records));
  header[FRU_UNIT - 1] = checksum(header);
  return concatBytes(...parts);
}

const chassisArea = ({ type, partNumber, serialNumber, custom }: ChassisArea): Uint8Array =>
  area(Uint8Array.of(type), [partNumber, serialNumber, ...custom]);

function boardArea(board: BoardArea): Uint8Array {
  const { language, manufactured, manufacturer, product, serialNumber, partNumber, fileId, custom } = board;
  const minutes = manufactured === undefined ? 0 : Math.floor((manufactured - FRU_EPOCH) / 60);
  if (minutes < 0 || minutes > LAST_MINUTE)
    throw unfit('the date of manufacture is before 1996 or after 2027');
  return area(Uint8Array.of(language, minutes & 0xff, (minutes >> 8) & 0xff, minutes >> 16), [
    manufacturer,
    product,
    serialNumber,
    partNumber,
    fileId,
    ...custom,
  ]);
}

function productArea(p: ProductArea): Uint8Array {
  const fixed = [p.manufacturer, p.product, p.partNumber, p.version, p.serialNumber, p.assetTag, p.fileId];
  return area(Uint8Array.of(p.language), [...fixed, ...p.custom]);
}

function area(head: Uint8Array, fields: readonly FruField[]): Uint8Array {
  const body = concatBytes(
    Uint8Array.of(FRU_VERSION, 0),
    head,
    ...fields.map(encodeField),
    Uint8Array.of(END_OF_FIELDS),
  );
  const units = Math.ceil((body.byteLength + 1) / FRU_UNIT);
  if (units > 0xff) throw unfit('an area is too long');
  const whole = new Uint8Array(units * FRU_UNIT);
  whole.set(body);
  whole[1] = units;
  whole[whole.byteLength - 1] = checksum(whole);
  return whole;
}

function encodeField(field: FruField): Uint8Array {
  const isText = typeof field === 'string';
  let bytes = isText ? encodeLatin1(field) : field;
  // A text of one byte would have the code that ends the fields: a NUL goes with it.
  if (isText && bytes.byteLength === 1) bytes = concatBytes(bytes, new Uint8Array(1));
  if (bytes.byteLength > LONGEST_FIELD) throw unfit(`a field has more than ${LONGEST_FIELD} bytes`);
  return concatBytes(Uint8Array.of((isText ? 0xc0 : 0) | bytes.byteLength), bytes);
}

function multiRecords(records: readonly MultiRecord[]): Uint8Array {
  const parts = records.map(({ type, version, data }, n) => {
    if (data.byteLength > 0xff) throw unfit('a record has more than 255 bytes');
    const format = (version || MULTI_RECORD_VERSION) | (n === records.length - 1 ? LAST_MULTI_RECORD : 0);
    const header = Uint8Array.of(type, format, data.byteLength, checksum(data), 0);
    header[4] = checksum(header);
    return concatBytes(header, data);
  });
  return concatBytes(...parts);
}

const unfit = (why: string): NsError => new NsError('NS_IPMI_ARGUMENT', why, { family: 'caller' });
