import { ByteView, concatBytes, crc32c, equalBytes, NsError } from '../base/index.ts';
import { encode, readCbor } from '../protocol/index.ts';

/** One kind of file that people mail to each other. */
export interface Armour {
  /** In the marks: -----BEGIN NIGHTSHIFT ORDERS-----. */
  readonly mark: string;
  /** In messages: "the file holds no orders". */
  readonly noun: string;
  readonly code: `NS_${string}`;
  /** Items of its CBOR, all together. */
  readonly mostItems: number;
}

/** Characters. */
export const LARGEST_ARMOURED = 16 * 1024 * 1024;
const LINE = 64;
const CRC_BYTES = 4;

function checksum(bytes: Uint8Array): Uint8Array {
  const sum = new Uint8Array(CRC_BYTES);
  new DataView(sum.buffer).setUint32(0, crc32c(bytes));
  return sum;
}

const marks = ({ mark }: Armour): readonly [string, string] => [
  `-----BEGIN NIGHTSHIFT ${mark}-----`,
  `-----END NIGHTSHIFT ${mark}-----`,
];

/**
 * Text that survives mail: base64 between two marks, in short lines, of a CBOR map and its CRC-32C. The checksum tells
 * damage from forgery, and nothing more: the signatures are in the packets.
 */
export function putArmour(armour: Armour, map: object): string {
  const bytes = encode(map).slice();
  const base64 = Buffer.from(concatBytes(bytes, checksum(bytes))).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  const [begin, end] = marks(armour);
  return [begin, ...lines, end, ''].join('\n');
}

/** The decoded map, of version 1. Text before and after the marks is not looked at; white space between is. */
export function takeArmour(armour: Armour, text: string): unknown {
  const unreadable = (why: string): NsError => new NsError(armour.code, why, { family: 'caller' });
  const damaged = (): NsError =>
    unreadable('the file was damaged on its way; have it sent again, as an attachment');
  const { noun } = armour;
  if (text.length > LARGEST_ARMOURED) throw unreadable(`the file is too large to hold ${noun}`);
  const [BEGIN, END] = marks(armour);
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw unreadable(`the file holds no ${noun}: "${BEGIN}" is not in it`);
  if (text.lastIndexOf(BEGIN) !== begin || text.lastIndexOf(END) !== end) {
    throw unreadable(`the file holds ${noun} twice`);
  }
  const base64 = text.slice(begin + BEGIN.length, end).replace(/\s+/g, '');
  const whole = new Uint8Array(Buffer.from(base64, 'base64'));
  if (Buffer.from(whole).toString('base64') !== base64 || whole.byteLength <= CRC_BYTES) throw damaged();
  const view = new ByteView(whole, 'armoured file');
  const bytes = view.slice(0, whole.byteLength - CRC_BYTES);
  if (!equalBytes(view.slice(bytes.byteLength, CRC_BYTES), checksum(bytes))) throw damaged();
  const map = readCbor(bytes, { maxDepth: 3, maxItems: armour.mostItems });
  if (!map.ok) throw unreadable(map.refusal.sentence);
  const version = (map.value as { v?: unknown } | null)?.v;
  if (typeof version === 'number' && version !== 1) {
    throw unreadable(`the file is of version ${version}, which this program does not know`);
  }
  return map.value;
}
