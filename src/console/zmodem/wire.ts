/** Frame types: "The ZMODEM Inter Application File Transfer Protocol" (Forsberg, 1988), section 11. */
export const FRAME = {
  ZRQINIT: 0,
  ZRINIT: 1,
  ZSINIT: 2,
  ZACK: 3,
  ZFILE: 4,
  ZSKIP: 5,
  ZNAK: 6,
  ZABORT: 7,
  ZFIN: 8,
  ZRPOS: 9,
  ZDATA: 10,
  ZEOF: 11,
  ZFERR: 12,
  ZCRC: 13,
  ZCHALLENGE: 14,
  ZCOMPL: 15,
  ZCAN: 16,
  ZFREECNT: 17,
  ZCOMMAND: 18,
} as const;

/** How a subpacket ends: what comes next, and whether an answer is awaited. */
export const END = {
  /** The frame ends, a header follows. */
  ZCRCE: 0x68,
  /** More of the frame follows at once. */
  ZCRCG: 0x69,
  /** More follows at once, and a ZACK is awaited on the way. */
  ZCRCQ: 0x6a,
  /** The frame ends, and nothing follows before a ZACK. */
  ZCRCW: 0x6b,
} as const;

/** What a receiver can, in ZF0 of its ZRINIT. */
export const CAN = { fullDuplex: 0x01, overlappedIo: 0x02, crc32: 0x20, escapeControls: 0x40 } as const;

export const ZPAD = 0x2a;
export const ZDLE = 0x18;
export const ZBIN = 0x41;
export const ZHEX = 0x42;
export const ZBIN32 = 0x43;
export const ZRUB0 = 0x6c;
export const ZRUB1 = 0x6d;
export const XON = 0x11;
export const XOFF = 0x13;

/** So many CAN characters in a row end a transfer. */
export const CANS_TO_CANCEL = 5;

/** Content of a subpacket. Senders use 1024; what is longer than this comes from nobody. */
export const LONGEST_SUBPACKET = 8192;

/** Positions have 32 bits. */
export const LARGEST_FILE = 0xffff_ffff;

/** A header: its type, and a position or four bytes of flags, ZF3 first and ZF0 last. */
export interface ZmodemHeader {
  readonly type: number;
  readonly argument: number;
}

/** ZF0, the last of the four bytes. */
export function flagsOf({ argument }: ZmodemHeader): number {
  return (argument >>> 24) & 0xff;
}

/** The bytes that a receiver can take before it wants to be waited for; 0 where it takes all. */
export function bufferOf({ argument }: ZmodemHeader): number {
  return argument & 0xffff;
}

/** The argument of a ZRINIT. */
export function readyArgument(flags: number, buffer: number): number {
  return ((flags << 24) | (buffer & 0xffff)) >>> 0;
}
