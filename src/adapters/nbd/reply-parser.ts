import type { BlockExtent } from '../../ports/index.ts';
import { protocolFault } from './client-handshake.ts';
import type { Coverage } from './coverage.ts';
import {
  CHUNK,
  CHUNK_DONE,
  CHUNK_HEADER_SIZE,
  CHUNK_MAGIC,
  EXTENT_FLAG,
  SIMPLE_REPLY_MAGIC,
  SIMPLE_REPLY_SIZE,
  u64be,
} from './wire.ts';

/** A request that waits for its reply, as the parser needs to know it. */
export interface Awaited {
  readonly isRead: boolean;
  readonly offset: number;
  readonly length: number;
  /** Where the data of a read go; undefined once nobody wants them any more. */
  into: Uint8Array | undefined;
  readonly coverage: Coverage;
  extents: BlockExtent[] | undefined;
  /** The first error that was told, 0 where none was. */
  error: number;
}

export interface ReplySink {
  /** The request of this cookie; undefined where none waits. */
  find(cookie: number): Awaited | undefined;
  /** Its reply is complete. */
  done(cookie: number): void;
}

/** Fixed part of a chunk's content that is looked at; data follow for OFFSET_DATA alone. */
const LONGEST_STATUS = 4 + 8 * 16 * 1024;
const LONGEST_ERROR = 6 + 8 + 0xffff;
const NOTHING = Buffer.alloc(0);

type Step =
  /** The next reply's header: as much as a simple one has. */
  | { readonly is: 'header' }
  | { readonly is: 'chunk-header' }
  /** The content, or its fixed part, of a chunk. */
  | { readonly is: 'content'; readonly type: number; readonly isLast: boolean; readonly length: number }
  | { readonly is: 'data'; readonly at: number; readonly length: number; readonly isLast: boolean };

const HEADER: Step = { is: 'header' };

/**
 * Takes replies apart as they come and puts the data of reads where they belong, without keeping any. Throws
 * NS_NBD_PROTOCOL at the first byte that makes no sense; then nothing more may be fed.
 */
export class ReplyParser {
  readonly #sink: ReplySink;
  readonly #structured: boolean;
  readonly #allocationId: number | undefined;
  #step: Step = HEADER;
  #needed = SIMPLE_REPLY_SIZE;
  #dataDone = 0;
  #cookie = 0;
  #request: Awaited | undefined;
  /** Fixed-size parts that a chunk of the socket cut. */
  #carry: Buffer = NOTHING;

  constructor(sink: ReplySink, structured: boolean, allocationId: number | undefined) {
    this.#sink = sink;
    this.#structured = structured;
    this.#allocationId = allocationId;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    for (;;) {
      if (this.#step.is === 'data') {
        at += this.#data(chunk, at, this.#step);
        // Still data: the chunk has ended.
        if ((this.#step as Step).is === 'data') return;
        continue;
      }
      const missing = this.#needed - this.#carry.byteLength;
      if (chunk.byteLength - at < missing) {
        if (at < chunk.byteLength) this.#carry = Buffer.concat([this.#carry, chunk.subarray(at)]);
        return;
      }
      const piece = chunk.subarray(at, at + missing);
      const whole = this.#carry.byteLength === 0 ? piece : Buffer.concat([this.#carry, piece]);
      this.#carry = NOTHING;
      at += missing;
      this.#fixed(whole, this.#step);
    }
  }

  #expect(step: Step, needed: number): void {
    this.#step = step;
    this.#needed = needed;
  }

  #fixed(bytes: Buffer, step: Exclude<Step, { is: 'data' }>): void {
    if (step.is === 'header') this.#header(bytes);
    else if (step.is === 'chunk-header') this.#chunkHeader(bytes);
    else this.#content(bytes, step);
  }

  #header(bytes: Buffer): void {
    const magic = bytes.readUInt32BE(0);
    if (magic === CHUNK_MAGIC && this.#structured) {
      this.#carry = bytes;
      this.#expect({ is: 'chunk-header' }, CHUNK_HEADER_SIZE);
      return;
    }
    if (magic !== SIMPLE_REPLY_MAGIC) throw protocolFault('sends a reply that is none');
    const request = this.#find(u64be(bytes, 8));
    const error = bytes.readUInt32BE(4);
    request.error = error;
    if (error === 0 && request.isRead && this.#structured) {
      throw protocolFault('answers a read without structure although it agreed to');
    }
    if (error === 0 && request.isRead && request.length > 0) {
      this.#expectData(0, request.length, true);
    } else this.#endOfChunk(true);
  }

  #find(cookie: number): Awaited {
    const request = this.#sink.find(cookie);
    if (request === undefined) throw protocolFault('answers a request that nobody made');
    this.#cookie = cookie;
    this.#request = request;
    return request;
  }

  #chunkHeader(bytes: Buffer): void {
    const isLast = (bytes.readUInt16BE(4) & CHUNK_DONE) !== 0;
    const type = bytes.readUInt16BE(6);
    const length = bytes.readUInt32BE(16);
    const request = this.#find(u64be(bytes, 8));
    const fixed = this.#fixedLength(type, length, request);
    if (type === CHUNK.none && !isLast) throw protocolFault('sends an empty part of a reply');
    this.#expect({ is: 'content', type, isLast, length }, fixed);
  }

  /** Bytes of a chunk's content to take at once; throws where the length cannot be. */
  #fixedLength(type: number, length: number, request: Awaited): number {
    const { isRead } = request;
    let isSane: boolean;
    if (type === CHUNK.none) isSane = length === 0;
    else if (type === CHUNK.offsetData) isSane = isRead && length > 8 && length - 8 <= request.length;
    else if (type === CHUNK.offsetHole) isSane = isRead && length === 12;
    else if (type === CHUNK.blockStatus) {
      isSane = !isRead && length >= 12 && length <= LONGEST_STATUS && length % 8 === 4;
    } else isSane = type >= CHUNK.error && length >= 6 && length <= LONGEST_ERROR;
    if (!isSane) throw protocolFault(`sends a part of type ${type} with ${length} bytes`);
    return type === CHUNK.offsetData ? 8 : length;
  }

  #content(bytes: Buffer, step: Extract<Step, { is: 'content' }>): void {
    const request = this.#request!;
    const { type, isLast } = step;
    if (type === CHUNK.offsetData) {
      this.#expectData(this.#place(request, u64be(bytes, 0), step.length - 8), step.length - 8, isLast);
      return;
    }
    if (type === CHUNK.offsetHole) {
      const length = bytes.readUInt32BE(8);
      const at = this.#place(request, u64be(bytes, 0), length);
      request.into?.fill(0, at, at + length);
    } else if (type === CHUNK.blockStatus) this.#blockStatus(bytes, request);
    else if (type >= CHUNK.error) {
      // An error that is told as none is still one.
      request.error ||= bytes.readUInt32BE(0) || 5;
    }
    this.#endOfChunk(isLast);
  }

  /** Where in the read a part of the reply belongs. */
  #place(request: Awaited, offset: number, length: number): number {
    const at = offset - request.offset;
    if (at < 0 || at > request.length - length || !request.coverage.add(at, at + length)) {
      throw protocolFault('sends bytes that were not asked for');
    }
    return at;
  }

  #blockStatus(bytes: Buffer, request: Awaited): void {
    if (bytes.readUInt32BE(0) !== this.#allocationId || request.extents !== undefined) {
      throw protocolFault('tells a block status that was not asked for');
    }
    const extents: BlockExtent[] = [];
    let left = request.length;
    for (let at = 4; at < bytes.byteLength && left > 0; at += 8) {
      // The last run may go beyond what was asked.
      const length = Math.min(bytes.readUInt32BE(at), left);
      const flags = bytes.readUInt32BE(at + 4);
      if (length === 0) throw protocolFault('tells the status of no block');
      left -= length;
      const allocated = (flags & EXTENT_FLAG.hole) === 0;
      extents.push({ length, allocated, zero: (flags & EXTENT_FLAG.zero) !== 0 });
    }
    request.extents = extents;
  }

  #expectData(at: number, length: number, isLast: boolean): void {
    if (!this.#structured) this.#request!.coverage.add(0, length);
    this.#dataDone = 0;
    this.#step = { is: 'data', at, length, isLast };
  }

  /** Takes what the chunk has of the data; gives how much that was. */
  #data(chunk: Buffer, from: number, step: Extract<Step, { is: 'data' }>): number {
    const count = Math.min(chunk.byteLength - from, step.length - this.#dataDone);
    this.#request!.into?.set(chunk.subarray(from, from + count), step.at + this.#dataDone);
    this.#dataDone += count;
    if (this.#dataDone === step.length) this.#endOfChunk(step.isLast);
    return count;
  }

  #endOfChunk(isLast: boolean): void {
    const request = this.#request!;
    this.#request = undefined;
    this.#expect(HEADER, SIMPLE_REPLY_SIZE);
    if (!isLast) return;
    if (request.error === 0 && request.isRead && !request.coverage.isWhole(request.length)) {
      throw protocolFault('leaves out bytes of a read');
    }
    this.#sink.done(this.#cookie);
  }
}
