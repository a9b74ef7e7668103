import { ByteView, NsError, sentenceOf } from '../../base/index.ts';
import { checksum } from '../wire/checksum.ts';
import { decodeBcdPlus, decodeLatin1, decodeSixBit } from '../wire/type-length.ts';
import {
  END_OF_FIELDS,
  FRU_EPOCH,
  FRU_UNIT,
  FRU_VERSION,
  type FruAreaName,
  type FruField,
  type FruInventory,
  LAST_MULTI_RECORD,
  type MultiRecord,
  OFFSET_AT,
} from './inventory.ts';

export interface DecodedFru {
  readonly inventory: FruInventory;
  /** Areas that are cut or whose checksum is wrong: they are left out of the inventory. */
  readonly problems: readonly { readonly area: FruAreaName; readonly why: string }[];
}

const HEADER = 8;

/** An inventory as read from its device. NS_IPMI_FRU where its header makes no sense: then nothing in it can be found. */
export function decodeFru(bytes: Uint8Array): DecodedFru {
  const view = new ByteView(bytes, 'a FRU inventory');
  const header = view.slice(0, HEADER);
  if ((header[0]! & 0x0f) !== FRU_VERSION || checksum(header) !== 0) throw nonsense('its header is damaged');
  const problems: { area: FruAreaName; why: string }[] = [];
  const area = <K extends FruAreaName>(
    name: K,
    read: (start: number) => Required<FruInventory>[K],
  ): { readonly [N in K]?: Required<FruInventory>[N] } => {
    const start = header[OFFSET_AT[name]]! * FRU_UNIT;
    if (start === 0) return {};
    try {
      return { [name]: read(start) } as { readonly [N in K]?: Required<FruInventory>[N] };
    } catch (error) {
      problems.push({ area: name, why: sentenceOf(error) });
      return {};
    }
  };
  const inventory: FruInventory = {
    records: [],
    ...area('internalUse', (start) => internalUse(view, start, header)),
    ...area('chassis', (start) => chassis(summed(view, start))),
    ...area('board', (start) => board(summed(view, start))),
    ...area('product', (start) => product(summed(view, start))),
    ...area('records', (start) => multiRecords(view, start)),
  };
  return { inventory, problems };
}

/** An area whose second byte is its length, and whose bytes sum to zero. */
function summed(view: ByteView, start: number): ByteView {
  if ((view.u8(start) & 0x0f) !== FRU_VERSION) throw nonsense('an area has an unknown version');
  const area = view.slice(start, view.u8(start + 1) * FRU_UNIT);
  if (area.byteLength === 0 || checksum(area) !== 0) throw nonsense("an area's checksum is wrong");
  return new ByteView(area.subarray(0, -1), 'a FRU area');
}

/** It has no length of its own: it ends where the next area begins. */
function internalUse(view: ByteView, start: number, header: Uint8Array): Uint8Array {
  const ends = Object.values(OFFSET_AT).map((at) => header[at]! * FRU_UNIT);
  const end = Math.min(view.length, ...ends.filter((offset) => offset > start));
  if (start >= end) throw nonsense('an area lies beyond the end');
  return view.slice(start + 1, end - start - 1);
}

function chassis(view: ByteView) {
  const [fields, custom] = fieldsFrom(view, 3, 2);
  return { type: view.u8(2), partNumber: fields[0]!, serialNumber: fields[1]!, custom };
}

function board(view: ByteView) {
  const [fields, custom] = fieldsFrom(view, 6, 5);
  const minutes = view.u16le(3) | (view.u8(5) << 16);
  return {
    language: view.u8(2),
    manufactured: minutes === 0 ? undefined : FRU_EPOCH + minutes * 60,
    manufacturer: fields[0]!,
    product: fields[1]!,
    serialNumber: fields[2]!,
    partNumber: fields[3]!,
    fileId: fields[4]!,
    custom,
  };
}

function product(view: ByteView) {
  const [fields, custom] = fieldsFrom(view, 3, 7);
  return {
    language: view.u8(2),
    manufacturer: fields[0]!,
    product: fields[1]!,
    partNumber: fields[2]!,
    version: fields[3]!,
    serialNumber: fields[4]!,
    assetTag: fields[5]!,
    fileId: fields[6]!,
    custom,
  };
}

/** The fixed fields, then those that the maker added. Fields behind an early end are empty. */
function fieldsFrom(view: ByteView, from: number, fixed: number): [FruField[], FruField[]] {
  const fields: FruField[] = [];
  for (let at = from; at < view.length; ) {
    const code = view.u8(at);
    if (code === END_OF_FIELDS) break;
    const length = code & 0x3f;
    fields.push(field(code >> 6, view.slice(at + 1, length)));
    at += 1 + length;
  }
  const custom = fields.splice(fixed);
  while (fields.length < fixed) fields.push('');
  return [fields, custom];
}

/** Type codes of the specification, 13. Texts of other languages than English are taken for Latin-1 too, as all tools do. */
function field(type: number, bytes: Uint8Array): FruField {
  if (bytes.byteLength === 0) return '';
  if (type === 0) return bytes;
  if (type === 1) return decodeBcdPlus(bytes).trimEnd();
  return type === 2 ? decodeSixBit(bytes).trimEnd() : decodeLatin1(bytes);
}

function multiRecords(view: ByteView, start: number): readonly MultiRecord[] {
  const records: MultiRecord[] = [];
  for (let at = start; ; ) {
    const header = view.slice(at, 5);
    const [type, format, length, sum] = [header[0]!, header[1]!, header[2]!, header[3]!];
    if (checksum(header) !== 0) throw nonsense('the header of a record is damaged');
    const data = view.slice(at + 5, length);
    if (checksum(data) !== sum) throw nonsense("a record's checksum is wrong");
    records.push({ type, version: format & 0x0f, data });
    if ((format & LAST_MULTI_RECORD) !== 0) return records;
    at += 5 + length;
  }
}

const nonsense = (why: string): NsError =>
  new NsError('NS_IPMI_FRU', `the FRU inventory makes no sense: ${why}`, { family: 'peer' });
