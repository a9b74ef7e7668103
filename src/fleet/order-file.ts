import * as v from 'valibot';
import { ByteView, concatBytes, crc32c, equalBytes, NsError } from '../base/index.ts';
import { encode, LIMITS, NAME, parseMessage, readCbor } from '../protocol/index.ts';
import { type Draft, type Keyring, readDraft } from '../security/index.ts';

/** Orders for two people, as a file that goes from one to the other. */
export interface OrderFile {
  readonly tenant: string;
  /** One signed packet for each host. */
  readonly packets: readonly Uint8Array[];
}

/** As many as one command has hosts. */
const MOST_ORDERS = 4096;
/** Characters. */
export const LARGEST_ORDER_FILE = 16 * 1024 * 1024;
const BEGIN = '-----BEGIN NIGHTSHIFT ORDERS-----';
const END = '-----END NIGHTSHIFT ORDERS-----';
const LINE = 64;
const CRC_BYTES = 4;

const shape = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  orders: v.pipe(
    v.array(
      v.pipe(
        v.instance(Uint8Array),
        v.check((packet) => packet.byteLength <= LIMITS.order),
      ),
    ),
    v.minLength(1),
    v.maxLength(MOST_ORDERS),
  ),
});

function unreadable(why: string): NsError {
  return new NsError('NS_ORDER_FILE', why, { family: 'caller' });
}

function checksum(bytes: Uint8Array): Uint8Array {
  const sum = new Uint8Array(CRC_BYTES);
  new DataView(sum.buffer).setUint32(0, crc32c(bytes));
  return sum;
}

/**
 * Text that survives mail: base64 between two marks, in short lines, of a CBOR map and its CRC-32C. The checksum tells
 * damage from forgery, and nothing more: the signatures are in the packets.
 */
export function encodeOrderFile({ tenant, packets }: OrderFile): string {
  const bytes = encode({ v: 1, tenant, orders: packets }).slice();
  const base64 = Buffer.from(concatBytes(bytes, checksum(bytes))).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return [BEGIN, ...lines, END, ''].join('\n');
}

/** NS_ORDER_FILE says what is wrong. Text before and after the marks is not looked at; white space between is. */
export function decodeOrderFile(text: string): OrderFile {
  if (text.length > LARGEST_ORDER_FILE) throw unreadable('the file is too large to hold orders');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw unreadable(`the file holds no orders: "${BEGIN}" is not in it`);
  if (text.lastIndexOf(BEGIN) !== begin || text.lastIndexOf(END) !== end) {
    throw unreadable('the file holds orders twice');
  }
  const base64 = text.slice(begin + BEGIN.length, end).replace(/\s+/g, '');
  const whole = new Uint8Array(Buffer.from(base64, 'base64'));
  if (Buffer.from(whole).toString('base64') !== base64 || whole.byteLength <= CRC_BYTES) throw damaged();
  const view = new ByteView(whole, 'order file');
  const bytes = view.slice(0, whole.byteLength - CRC_BYTES);
  if (!equalBytes(view.slice(bytes.byteLength, CRC_BYTES), checksum(bytes))) throw damaged();
  const map = readCbor(bytes, { maxDepth: 3, maxItems: MOST_ORDERS + 16 });
  if (!map.ok) throw unreadable(map.refusal.sentence);
  const version = (map.value as { v?: unknown } | null)?.v;
  if (typeof version === 'number' && version !== 1) {
    throw unreadable(`the file is of version ${version}, which this program does not know`);
  }
  const parsed = parseMessage(shape, map.value);
  if (!parsed.ok) throw unreadable(`the file holds no orders: ${parsed.refusal.sentence}`);
  const { tenant, orders } = parsed.value;
  return { tenant, packets: orders };
}

function damaged(): NsError {
  return unreadable('the file was damaged on its way; have it sent again, as an attachment');
}

/**
 * The orders of a file, judged by the keys of people that are known here. NS_ORDER_FILE names the first that no device
 * would obey, whoever signs it beside, and a host that is named twice.
 */
export function readOrderFile(file: OrderFile, people: Keyring): readonly Draft[] {
  const hosts = new Set<string>();
  return file.packets.map((packet, n) => {
    const draft = readDraft(packet, people, file.tenant);
    if (!draft.ok) {
      const { code, sentence } = draft.refusal;
      throw unreadable(`order ${n + 1} of ${file.packets.length}: ${code}: ${sentence}`);
    }
    const { to, name } = draft.value.order.aud;
    if (to !== 'device') throw unreadable(`order ${n + 1} is for a group; orders here are for single hosts`);
    if (hosts.has(name)) throw unreadable(`there are two orders for "${name}"`);
    hosts.add(name);
    return draft.value;
  });
}
