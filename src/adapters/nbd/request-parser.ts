import type { BufferPool } from './buffer-pool.ts';
import { COMMAND, LARGEST_PAYLOAD, REQUEST_MAGIC, REQUEST_SIZE, u64be } from './wire.ts';

/** A request's header. */
export interface Request {
  readonly flags: number;
  readonly command: number;
  /** The client's own number for it, in two halves. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** Past 2^53 it has lost its lowest bits. */
  readonly offset: number;
  readonly length: number;
}

/** What was found: nothing whole yet, bytes that are no request, or a request. */
export type Parsed = 'more' | 'broken' | Request;

/** The bytes of a write, and the pooled buffer that they lie in, where they came in more than one chunk. */
export interface Payload {
  readonly data: Uint8Array;
  readonly borrowed: Buffer | undefined;
}

/**
 * Finds requests and their payloads in what a socket brings, chunk by chunk. A payload that comes in several chunks is
 * gathered in a buffer of the pool, so that each chunk is free again at once: kept until the last one came, they live long
 * enough to cost more in collection than the copying. The caller takes a header, and for a write then its payload, before
 * it takes the next header.
 */
export class RequestParser {
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  readonly #head = Buffer.alloc(REQUEST_SIZE);
  #headDone = 0;
  readonly #pool: BufferPool;
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Only once the chunk before is used up. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#chunk.byteLength;
  }

  header(): Parsed {
    const left = this.#chunk.byteLength - this.#at;
    if (this.#headDone === 0 && left >= REQUEST_SIZE) {
      this.#at += REQUEST_SIZE;
      return decodeRequest(this.#chunk, this.#at - REQUEST_SIZE);
    }
    const count = Math.min(left, REQUEST_SIZE - this.#headDone);
    this.#chunk.copy(this.#head, this.#headDone, this.#at, this.#at + count);
    this.#at += count;
    this.#headDone += count;
    if (this.#headDone < REQUEST_SIZE) return 'more';
    this.#headDone = 0;
    return decodeRequest(this.#head, 0);
  }

  /**
   * The payload, which nobody else uses, or undefined until it is whole. Whoever has done with it gives what is borrowed
   * back to the pool.
   */
  payload(length: number): Payload | undefined {
    const left = this.#chunk.byteLength - this.#at;
    if (this.#gathered === undefined && left >= length) {
      this.#at += length;
      return { data: this.#chunk.subarray(this.#at - length, this.#at), borrowed: undefined };
    }
    this.#gathered ??= this.#pool.take(length);
    const gathered = this.#gathered;
    const count = Math.min(left, length - this.#gatheredBytes);
    this.#chunk.copy(gathered, this.#gatheredBytes, this.#at, this.#at + count);
    this.#at += count;
    this.#gatheredBytes += count;
    if (this.#gatheredBytes < length) return undefined;
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    return { data: gathered.subarray(0, length), borrowed: gathered };
  }
}

/** 'broken' where the magic is wrong or a payload is past all bounds: the two sides no longer agree on the framing. */
export function decodeRequest(bytes: Buffer, at: number): Request | 'broken' {
  if (bytes.readUInt32BE(at) !== REQUEST_MAGIC) return 'broken';
  const command = bytes.readUInt16BE(at + 6);
  const length = bytes.readUInt32BE(at + 24);
  if (command === COMMAND.write && length > LARGEST_PAYLOAD) return 'broken';
  return {
    flags: bytes.readUInt16BE(at + 4),
    command,
    cookieHigh: bytes.readUInt32BE(at + 8),
    cookieLow: bytes.readUInt32BE(at + 12),
    offset: u64be(bytes, at + 16),
    length,
  };
}
