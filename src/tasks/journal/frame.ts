import { ByteView, concatBytes, crc32c } from '../../base/index.ts';

/**
 * Frames of the journal, all little endian:
 *
 *     0  u32  magic "NSJ1"
 *     4  u32  payload length
 *     8  u32  generation of the region, so that leftovers of an earlier use are never taken for records
 *    12  u32  number of the frame in this generation, from 0
 *    16  u32  session: drawn anew each time the log is opened
 *    20  u32  1 for the first frame of its session, else 0
 *    24  u32  CRC-32C over bytes 4..23 and the payload
 *    28       payload
 *
 * Behind a torn frame may lie whole ones of the same write. They were never acknowledged, and a later frame of the right
 * length must not bring them back: a frame counts only where it goes on the session before it or begins one.
 */
const MAGIC = 0x314a534e;
export const FRAME_HEAD = 28;

/** The largest payload of one frame. An order and a receipt both stay below. */
export const FRAME_PAYLOAD_MAX = 256 * 1024;

/** Where a frame stands: what it must say to follow the one before it. */
export interface FramePlace {
  readonly generation: number;
  readonly index: number;
  /** Of the frame before; undefined at the start of a region. */
  readonly session: number | undefined;
}

export function encodeFrame(
  {
    generation,
    index,
    session,
    first,
  }: {
    readonly generation: number;
    readonly index: number;
    readonly session: number;
    readonly first: boolean;
  },
  payload: Uint8Array,
): Uint8Array {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(payload.byteLength, 4);
  head.writeUInt32LE(generation, 8);
  head.writeUInt32LE(index, 12);
  head.writeUInt32LE(session, 16);
  head.writeUInt32LE(first ? 1 : 0, 20);
  head.writeUInt32LE(crc32c(payload, crc32c(head.subarray(4, 24))), 24);
  return concatBytes(head, payload);
}

export interface DecodedFrame {
  readonly payload: Uint8Array;
  readonly session: number;
  /** Bytes that the frame takes. */
  readonly size: number;
}

/**
 * The frame at the start of these bytes; undefined where the records end: at zeros, at a torn frame, at a leftover;
 * 'more' where it goes on behind the bytes given.
 */
export function decodeFrame(bytes: Uint8Array, place: FramePlace): DecodedFrame | 'more' | undefined {
  if (bytes.byteLength < FRAME_HEAD) return 'more';
  const view = new ByteView(bytes, 'journal frame');
  const length = view.u32le(4);
  if (view.u32le(0) !== MAGIC || length > FRAME_PAYLOAD_MAX) return undefined;
  if (view.u32le(8) !== place.generation || view.u32le(12) !== place.index) return undefined;
  const session = view.u32le(16);
  if (view.u32le(20) !== 1 && session !== place.session) return undefined;
  const size = FRAME_HEAD + length;
  if (size > bytes.byteLength) return 'more';
  const payload = bytes.slice(FRAME_HEAD, size);
  return view.u32le(24) === crc32c(payload, crc32c(view.slice(4, 20)))
    ? { payload, session, size }
    : undefined;
}

/** The first sector of a region: says that what follows is whole, and which use of the region it is. */
export const REGION_HEAD = 512;
const REGION_MAGIC = 0x5247534e;

export function encodeRegionHead(generation: number): Uint8Array {
  const head = Buffer.alloc(REGION_HEAD);
  head.writeUInt32LE(REGION_MAGIC, 0);
  head.writeUInt32LE(generation, 4);
  head.writeUInt32LE(crc32c(head.subarray(0, 8)), 8);
  return head;
}

/** The region's generation, or 0 where it holds no journal. */
export function decodeRegionHead(head: Uint8Array): number {
  const view = new ByteView(head, 'journal region');
  if (view.u32le(0) !== REGION_MAGIC || view.u32le(8) !== crc32c(view.slice(0, 8))) return 0;
  return view.u32le(4);
}
