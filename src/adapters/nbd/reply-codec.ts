import type { BlockExtent } from '../../ports/index.ts';
import { ALLOCATION_ID } from './meta-context.ts';
import type { Request } from './request-parser.ts';
import {
  CHUNK,
  CHUNK_DONE,
  CHUNK_HEADER_SIZE,
  CHUNK_MAGIC,
  EXTENT_FLAG,
  putU64be,
  SIMPLE_REPLY_MAGIC,
  SIMPLE_REPLY_SIZE,
} from './wire.ts';

/** Bytes before the data of a read's reply. */
export const headOfRead = (structured: boolean): number =>
  structured ? CHUNK_HEADER_SIZE + 8 : SIMPLE_REPLY_SIZE;

/** A run shorter than this is not looked at for zeros by itself. */
const HOLE_GRAIN = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_GRAIN);

export function simpleReply(request: Request, error: number, into: Buffer = Buffer.allocUnsafe(16)): Buffer {
  into.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  into.writeUInt32BE(error, 4);
  into.writeUInt32BE(request.cookieHigh, 8);
  into.writeUInt32BE(request.cookieLow, 12);
  return into;
}

function chunkHeader(into: Buffer, request: Request, flags: number, type: number, length: number): void {
  into.writeUInt32BE(CHUNK_MAGIC, 0);
  into.writeUInt16BE(flags, 4);
  into.writeUInt16BE(type, 6);
  into.writeUInt32BE(request.cookieHigh, 8);
  into.writeUInt32BE(request.cookieLow, 12);
  into.writeUInt32BE(length, 16);
}

export function errorReply(request: Request, error: number, structured: boolean): Buffer {
  if (!structured) return simpleReply(request, error);
  const bytes = Buffer.alloc(CHUNK_HEADER_SIZE + 6);
  chunkHeader(bytes, request, CHUNK_DONE, CHUNK.error, 6);
  bytes.writeUInt32BE(error, CHUNK_HEADER_SIZE);
  return bytes;
}

/** To a read of no bytes, which has no content to carry. */
export function emptyReply(request: Request): Buffer {
  const bytes = Buffer.alloc(CHUNK_HEADER_SIZE);
  chunkHeader(bytes, request, CHUNK_DONE, CHUNK.none, 0);
  return bytes;
}

export function blockStatusReply(request: Request, extents: readonly BlockExtent[]): Buffer {
  const length = 4 + 8 * extents.length;
  const bytes = Buffer.alloc(CHUNK_HEADER_SIZE + length);
  chunkHeader(bytes, request, CHUNK_DONE, CHUNK.blockStatus, length);
  bytes.writeUInt32BE(ALLOCATION_ID, CHUNK_HEADER_SIZE);
  for (const [i, { length: run, allocated, zero }] of extents.entries()) {
    const at = CHUNK_HEADER_SIZE + 4 + 8 * i;
    bytes.writeUInt32BE(run, at);
    bytes.writeUInt32BE((allocated ? 0 : EXTENT_FLAG.hole) | (zero ? EXTENT_FLAG.zero : 0), at + 4);
  }
  return bytes;
}

/**
 * The reply to a read whose data lie in `buffer` behind room for one header, in the parts to send. Structured, runs of
 * zeros go as holes; with `whole` (the client forbade fragments) only where all of it is zeros.
 */
export function readReply(
  request: Request,
  buffer: Buffer,
  structured: boolean,
  whole: boolean,
): readonly Buffer[] {
  const head = headOfRead(structured);
  const { length } = request;
  if (!structured) {
    simpleReply(request, 0, buffer);
    return [buffer.subarray(0, head + length)];
  }
  const runs = runsOf(buffer, head, length, whole);
  if (runs.length === 1 && !runs[0]!.zero) {
    chunkHeader(buffer, request, CHUNK_DONE, CHUNK.offsetData, 8 + length);
    putU64be(buffer, request.offset, CHUNK_HEADER_SIZE);
    return [buffer.subarray(0, head + length)];
  }
  const parts: Buffer[] = [];
  for (const [i, { at, length: run, zero }] of runs.entries()) {
    const flags = i === runs.length - 1 ? CHUNK_DONE : 0;
    const header = Buffer.allocUnsafe(CHUNK_HEADER_SIZE + (zero ? 12 : 8));
    const type = zero ? CHUNK.offsetHole : CHUNK.offsetData;
    chunkHeader(header, request, flags, type, zero ? 12 : 8 + run);
    putU64be(header, request.offset + at, CHUNK_HEADER_SIZE);
    if (zero) header.writeUInt32BE(run, CHUNK_HEADER_SIZE + 8);
    parts.push(header);
    if (!zero) parts.push(buffer.subarray(head + at, head + at + run));
  }
  return parts;
}

interface Run {
  readonly at: number;
  length: number;
  readonly zero: boolean;
}

function runsOf(buffer: Buffer, head: number, length: number, whole: boolean): readonly Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < length; at += HOLE_GRAIN) {
    const run = Math.min(HOLE_GRAIN, length - at);
    const zero = isZero(buffer, head + at, run);
    const last = runs.at(-1);
    if (last !== undefined && last.zero === zero) last.length += run;
    else runs.push({ at, length: run, zero });
  }
  return whole && runs.length > 1 ? [{ at: 0, length, zero: false }] : runs;
}

/** Data show at their first byte nearly always; only what begins with zeros is compared. */
function isZero(buffer: Buffer, at: number, length: number): boolean {
  return buffer[at] === 0 && buffer.compare(ZEROS, 0, length, at, at + length) === 0;
}
