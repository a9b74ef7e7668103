import { ByteView, MiB } from '../../base/index.ts';

/** The NBD protocol as far as this server speaks it: fixed newstyle, simple replies. Big endian throughout. */
export const GREETING_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;

/** Server and client handshake flags share these values. */
export const HANDSHAKE = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const OPTION = { exportName: 1, abort: 2, list: 3, info: 6, go: 7 } as const;
export const REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  unsupported: 0x80000001,
  invalid: 0x80000003,
  unknown: 0x80000006,
  tooBig: 0x80000009,
} as const;
export const INFO = { export: 0, blockSize: 3 } as const;
export const EXPORT_FLAG = { hasFlags: 1, readOnly: 2, flush: 4, fua: 8, trim: 32 } as const;
export const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4 } as const;
export const COMMAND_FLAG_FUA = 1;
export const ERROR = { none: 0, permission: 1, io: 5, invalid: 22, noSpace: 28 } as const;

/** Option data longer than this is not read. The longest sensible one is a name of 4096 bytes with its info list. */
export const LONGEST_OPTION = 8192;
/** What a read may ask for or a write may carry. */
export const LARGEST_PAYLOAD = 32 * MiB;
export const REQUEST_SIZE = 28;
export const OPTION_HEADER_SIZE = 16;

export interface Request {
  readonly flags: number;
  readonly command: number;
  readonly cookie: Uint8Array;
  readonly offset: bigint;
  readonly length: number;
}

/** Undefined where the magic is wrong: then the two sides no longer agree where a request begins. */
export function decodeRequest(bytes: Uint8Array): Request | undefined {
  const view = new ByteView(bytes, 'an NBD request');
  if (view.u32be(0) !== REQUEST_MAGIC) return undefined;
  return {
    flags: view.u16be(4),
    command: view.u16be(6),
    cookie: view.slice(8, 8),
    offset: view.u64be(16),
    length: view.u32be(24),
  };
}

export function encodeSimpleReply(cookie: Uint8Array, error: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  bytes.writeUInt32BE(error, 4);
  bytes.set(cookie, 8);
  return bytes;
}

export function encodeGreeting(): Uint8Array {
  const bytes = Buffer.alloc(18);
  bytes.writeBigUInt64BE(GREETING_MAGIC, 0);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8);
  bytes.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
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
  return {
    name: Buffer.from(view.slice(4, nameLength)).toString('utf8'),
    wanted: Array.from({ length: count }, (_, i) => view.u16be(6 + nameLength + 2 * i)),
  };
}
