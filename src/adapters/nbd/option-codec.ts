import { ByteView, fromUtf8, utf8 } from '../../base/index.ts';
import { GREETING_MAGIC, HANDSHAKE, INFO, OPTION_MAGIC, OPTION_REPLY_MAGIC } from './wire.ts';

/** Block sizes that a server asks its clients to keep to: bytes. */
export interface BlockSizes {
  readonly minimum: number;
  readonly preferred: number;
  /** Of one request. */
  readonly maximum: number;
}

export function encodeGreeting(): Uint8Array {
  const bytes = Buffer.alloc(18);
  bytes.writeBigUInt64BE(GREETING_MAGIC, 0);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8);
  bytes.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
  return bytes;
}

export function encodeOption(option: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = Buffer.alloc(16 + data.byteLength);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 0);
  bytes.writeUInt32BE(option, 8);
  bytes.writeUInt32BE(data.byteLength, 12);
  bytes.set(data, 16);
  return bytes;
}

export function encodeOptionReply(
  option: number,
  type: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = Buffer.alloc(20 + data.byteLength);
  bytes.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  bytes.writeUInt32BE(option, 8);
  bytes.writeUInt32BE(type, 12);
  bytes.writeUInt32BE(data.byteLength, 16);
  bytes.set(data, 20);
  return bytes;
}

/** The export's size and flags, as both EXPORT_NAME and NBD_INFO_EXPORT give them. */
export function encodeExport(size: number, flags: number): Uint8Array {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(BigInt(size), 0);
  bytes.writeUInt16BE(flags, 8);
  return bytes;
}

export function encodeBlockSizes(sizes: BlockSizes): Uint8Array {
  const bytes = Buffer.alloc(14);
  bytes.writeUInt16BE(INFO.blockSize, 0);
  bytes.writeUInt32BE(sizes.minimum, 2);
  bytes.writeUInt32BE(sizes.preferred, 6);
  bytes.writeUInt32BE(sizes.maximum, 10);
  return bytes;
}

/** A text with its length before it, as names and queries travel. */
export function encodeText(text: string): Uint8Array {
  const name = utf8(text);
  const bytes = Buffer.alloc(4 + name.byteLength);
  bytes.writeUInt32BE(name.byteLength, 0);
  bytes.set(name, 4);
  return bytes;
}

export interface InfoRequest {
  readonly name: string;
  readonly wanted: readonly number[];
}

/** The data of INFO and GO; undefined where the lengths in it do not add up. */
export function decodeInfoRequest(data: Uint8Array): InfoRequest | undefined {
  if (data.byteLength < 6) return undefined;
  const view = new ByteView(data, 'an NBD option');
  const nameLength = view.u32be(0);
  if (nameLength > data.byteLength - 6) return undefined;
  const count = view.u16be(4 + nameLength);
  if (data.byteLength !== 6 + nameLength + 2 * count) return undefined;
  const name = fromUtf8(view.slice(4, nameLength));
  if (name === undefined) return undefined;
  return { name, wanted: Array.from({ length: count }, (_, i) => view.u16be(6 + nameLength + 2 * i)) };
}

export function encodeInfoRequest(name: string, wanted: readonly number[]): Uint8Array {
  const text = encodeText(name);
  const bytes = Buffer.alloc(text.byteLength + 2 + 2 * wanted.length);
  bytes.set(text, 0);
  bytes.writeUInt16BE(wanted.length, text.byteLength);
  for (const [i, info] of wanted.entries()) bytes.writeUInt16BE(info, text.byteLength + 2 + 2 * i);
  return bytes;
}

export interface MetaContextRequest {
  readonly name: string;
  readonly queries: readonly string[];
}

/** The data of SET_META_CONTEXT and LIST_META_CONTEXT; undefined where the lengths in it do not add up. */
export function decodeMetaContextRequest(data: Uint8Array): MetaContextRequest | undefined {
  const view = new ByteView(data, 'an NBD option');
  const texts: string[] = [];
  let at = 0;
  const text = (): boolean => {
    if (data.byteLength - at < 4) return false;
    const length = view.u32be(at);
    if (length > data.byteLength - at - 4) return false;
    const found = fromUtf8(view.slice(at + 4, length));
    at += 4 + length;
    if (found !== undefined) texts.push(found);
    return found !== undefined;
  };
  if (!text() || data.byteLength - at < 4) return undefined;
  const count = view.u32be(at);
  at += 4;
  // Each query takes four bytes at the least, so that a lie about their number ends soon.
  for (let i = 0; i < count; i += 1) if (!text()) return undefined;
  if (at !== data.byteLength) return undefined;
  return { name: texts[0]!, queries: texts.slice(1) };
}

export function encodeMetaContextRequest(name: string, queries: readonly string[]): Uint8Array {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(queries.length, 0);
  return Buffer.concat([encodeText(name), count, ...queries.map(encodeText)]);
}
