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

/** A chunk that brings less than this is copied rather than kept: each has a cost of its own. */
const WORTH_KEEPING = 16 * 1024;

/**
 * Finds requests and their payloads in what a socket brings, chunk by chunk, without copying whole chunks. The caller
 * takes a header, and for a write then its payload, before it takes the next header.
 */
export class RequestParser {
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  readonly #head = Buffer.alloc(REQUEST_SIZE);
  #headDone = 0;
  #parts: Uint8Array[] = [];
  #partsDone = 0;
  #joined: Buffer | undefined;

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

  /** The payload in parts that nobody else uses, or undefined until it is whole. */
  payload(length: number): readonly Uint8Array[] | undefined {
    const left = this.#chunk.byteLength - this.#at;
    const count = Math.min(left, length - this.#partsDone);
    if (count > 0) {
      this.#keep(this.#chunk.subarray(this.#at, this.#at + count), length);
      this.#at += count;
      this.#partsDone += count;
    }
    if (this.#partsDone < length) return undefined;
    const parts = this.#joined === undefined ? this.#parts : [this.#joined];
    this.#parts = [];
    this.#partsDone = 0;
    this.#joined = undefined;
    return parts;
  }

  /** A peer that sends byte by byte must not make us hold a buffer for each: then they are joined. */
  #keep(part: Buffer, length: number): void {
    if (this.#joined === undefined && this.#parts.length < 2 + length / WORTH_KEEPING) {
      this.#parts.push(part);
      return;
    }
    if (this.#joined === undefined) {
      this.#joined = Buffer.allocUnsafeSlow(length);
      let at = 0;
      for (const kept of this.#parts) {
        this.#joined.set(kept, at);
        at += kept.byteLength;
      }
      this.#parts = [];
    }
    this.#joined.set(part, this.#partsDone);
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
