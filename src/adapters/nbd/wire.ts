import { MiB } from '../../base/index.ts';

/** Numbers of the NBD protocol (fixed newstyle). Big endian throughout. */
export const GREETING_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const CHUNK_MAGIC = 0x668e33ef;

/** Server and client handshake flags share these values. */
export const HANDSHAKE = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const;
export const REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  shutdown: 0x80000007,
  blockSizeRequired: 0x80000008,
  tooBig: 0x80000009,
} as const;
export const INFO = { export: 0, blockSize: 3 } as const;
export const EXPORT_FLAG = {
  hasFlags: 1,
  readOnly: 2,
  flush: 4,
  fua: 8,
  trim: 32,
  writeZeroes: 64,
  dontFragment: 128,
  multipleConnections: 256,
  cache: 1024,
} as const;
export const COMMAND = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const;
export const COMMAND_FLAG = { fua: 1, noHole: 2, dontFragment: 4, oneExtent: 8 } as const;
export const CHUNK = {
  none: 0,
  offsetData: 1,
  offsetHole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;
export const CHUNK_DONE = 1;
export const ERROR = {
  none: 0,
  permission: 1,
  io: 5,
  noMemory: 12,
  invalid: 22,
  noSpace: 28,
  overflow: 75,
  notSupported: 95,
  shutdown: 108,
} as const;

/** The one metadata context that is spoken here: what is allocated and what reads as zeros. */
export const BASE_ALLOCATION = 'base:allocation';
export const EXTENT_FLAG = { hole: 1, zero: 2 } as const;

/** Option data longer than this is not read. The longest sensible one is a name of 4096 bytes with its info list. */
export const LONGEST_OPTION = 8192;
/** What a read may ask for or a write may carry. */
export const LARGEST_PAYLOAD = 32 * MiB;
export const REQUEST_SIZE = 28;
export const OPTION_HEADER_SIZE = 16;
export const OPTION_REPLY_SIZE = 20;
export const SIMPLE_REPLY_SIZE = 16;
export const CHUNK_HEADER_SIZE = 20;
/** Server's greeting up to and with its flags. */
export const GREETING_SIZE = 18;

/** A number of 64 bits. One past 2^53 loses its lowest bits, and is larger than any size that we handle. */
export function u64be(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** `value` is a whole number from 0 to 2^53-1. */
export function putU64be(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}
