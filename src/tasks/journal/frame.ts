import { ByteView, concatBytes, crc32c } from '../../base/index.ts';

/**
 * Frames of the journal, all little endian:
 *
 *     0  u32  magic "NSJ1"
 *     4  u32  payload length
 *     8  u32  generation of the region, so that leftovers of an earlier use are never taken for records
 *    12  u32  number of the frame in this generation, from 0
 *    16  u32  CRC-32C over bytes 4..15 and the payload
 *    20       payload
 */
const MAGIC = 0x314a534e;
export const FRAME_HEAD = 20;

/** The largest payload of one frame. An order and a receipt both stay below. */
export const FRAME_PAYLOAD_MAX = 256 * 1024;

export function encodeFrame(generation: number, index: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(payload.byteLength, 4);
  head.writeUInt32LE(generation, 8);
  head.writeUInt32LE(index, 12);
  head.writeUInt32LE(crc32c(payload, crc32c(head.subarray(4, 16))), 16);
  return concatBytes(head, payload);
}

/**
 * The frame at this place, or undefined where the records end: at zeros, at a torn frame, at a leftover of another
 * generation. What lies behind the first bad frame was never acknowledged.
 */
export function decodeFrame(
  region: Uint8Array,
  offset: number,
  generation: number,
  index: number,
): { readonly payload: Uint8Array; readonly end: number } | undefined {
  if (offset + FRAME_HEAD > region.byteLength) return undefined;
  const view = new ByteView(region.subarray(offset), 'journal frame');
  const length = view.u32le(4);
  if (view.u32le(0) !== MAGIC || length > FRAME_PAYLOAD_MAX) return undefined;
  if (view.u32le(8) !== generation || view.u32le(12) !== index) return undefined;
  const end = offset + FRAME_HEAD + length;
  if (end > region.byteLength) return undefined;
  const payload = region.slice(offset + FRAME_HEAD, end);
  return view.u32le(16) === crc32c(payload, crc32c(view.slice(4, 12))) ? { payload, end } : undefined;
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
