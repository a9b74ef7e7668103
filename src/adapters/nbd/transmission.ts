import type { BlockDevice } from '../../ports/index.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Agreement } from './handshake.ts';
import { MessageWriter } from './message-writer.ts';
import {
  errorNumberOf,
  performBlockStatus,
  performPlain,
  performWrite,
  type RequestRules,
  refusalOf,
} from './perform.ts';
import {
  blockStatusReply,
  emptyReply,
  errorReply,
  headOfRead,
  readReply,
  simpleReply,
} from './reply-codec.ts';
import { type Payload, type Request, RequestParser } from './request-parser.ts';
import type { Wakefulness } from './wakefulness.ts';
import { COMMAND, COMMAND_FLAG, ERROR, LARGEST_PAYLOAD } from './wire.ts';

/** What one connection may have under way. */
export interface FlightLimits {
  readonly requests: number;
  /** Payload bytes, of writes from their header on, of reads until the reply has left. One request may always pass. */
  readonly bytes: number;
}

export interface TransmissionOptions {
  readonly agreement: Agreement;
  readonly minimumBlock: number;
  readonly limits: FlightLimits;
  readonly pool: BufferPool;
  /** Where the process does nothing but serve disks. */
  readonly wakefulness: Wakefulness | undefined;
  /** Ends what is under way at the device. */
  readonly signal: AbortSignal;
}

const NO_DATA: Payload = { data: new Uint8Array(0), borrowed: undefined };

/**
 * Answers requests until the client disconnects, ends, or breaks the framing, and what it asked for is done. Requests
 * run side by side up to a bound of bytes and number; beyond it nothing more is read from the socket.
 */
export function serveRequests(options: TransmissionOptions): Promise<void> {
  return new Promise((resolve) => new Transmission(options, resolve).start());
}

class Transmission {
  readonly #device: BlockDevice;
  readonly #options: TransmissionOptions;
  readonly #rules: RequestRules;
  readonly #structured: boolean;
  readonly #parser: RequestParser;
  readonly #writer: MessageWriter;
  readonly #over: () => void;
  /** Read, but not begun: there was no room, or its payload is not here yet. */
  #next: Request | undefined;
  #takesPayload = false;
  #underWay = 0;
  #held = 0;
  #stalled = false;
  #ending = false;

  constructor(options: TransmissionOptions, over: () => void) {
    const { agreement, pool } = options;
    this.#options = options;
    this.#over = over;
    this.#device = agreement.offer.device;
    this.#structured = agreement.structured;
    this.#rules = {
      minimumBlock: options.minimumBlock,
      structured: agreement.structured,
      allocation: agreement.allocation,
    };
    this.#parser = new RequestParser(pool);
    this.#writer = new MessageWriter(agreement.stream.socket, pool, (replies, weight) => {
      this.#underWay -= replies;
      this.#held -= weight;
      if (this.#ending) this.#endIfDone();
      else if (this.#stalled) this.#pump();
    });
  }

  start(): void {
    const { stream } = this.#options.agreement;
    const { socket } = stream;
    const end = (): void => this.#end();
    socket.on('close', end);
    socket.on('end', end);
    this.#parser.push(stream.takeRest());
    socket.on('data', (chunk: Buffer) => {
      if (this.#ending) return;
      this.#options.wakefulness?.heard();
      this.#parser.push(chunk);
      this.#pump();
    });
    if (socket.destroyed || socket.readableEnded) {
      end();
      return;
    }
    this.#stalled = true;
    this.#pump();
  }

  #pump(): void {
    const { socket } = this.#options.agreement.stream;
    while (!this.#ending) {
      if (this.#next === undefined) {
        const parsed = this.#parser.header();
        if (parsed === 'more') break;
        if (parsed === 'broken' || parsed.command === COMMAND.disconnect) {
          this.#end();
          return;
        }
        this.#next = parsed;
      }
      const request = this.#next;
      if (!this.#takesPayload) {
        if (!this.#hasRoom(request)) {
          this.#stalled = true;
          socket.pause();
          return;
        }
        this.#held += weightOf(request);
        this.#takesPayload = true;
      }
      const payload = request.command === COMMAND.write ? this.#parser.payload(request.length) : NO_DATA;
      if (payload === undefined) break;
      this.#next = undefined;
      this.#takesPayload = false;
      this.#underWay += 1;
      void this.#answer(request, payload);
    }
    if (!this.#stalled) return;
    this.#stalled = false;
    socket.resume();
  }

  #hasRoom(request: Request): boolean {
    const { requests, bytes } = this.#options.limits;
    return this.#underWay === 0 || (this.#underWay < requests && this.#held + weightOf(request) <= bytes);
  }

  async #answer(request: Request, payload: Payload): Promise<void> {
    const structured = this.#structured;
    const weight = weightOf(request);
    let error = refusalOf(this.#device, request, this.#rules);
    if (error === ERROR.none) {
      const { signal, pool } = this.#options;
      try {
        if (request.command === COMMAND.read && request.length > 0) {
          const head = headOfRead(structured);
          const buffer = pool.take(head + request.length);
          // Where this fails, the device may still write into the buffer: then it does not go back to the pool.
          await this.#device.read(request.offset, buffer.subarray(head, head + request.length), signal);
          const whole = (request.flags & COMMAND_FLAG.dontFragment) !== 0;
          this.#writer.send(readReply(request, buffer, structured, whole), weight, buffer);
          return;
        }
        if (request.command === COMMAND.blockStatus) {
          const extents = await performBlockStatus(this.#device, request, signal);
          this.#writer.send([blockStatusReply(request, extents)], weight);
          return;
        }
        if (request.command === COMMAND.write) {
          await performWrite(this.#device, request, payload.data, signal);
          // As with reads: after a failure the device may still be at it.
          if (payload.borrowed !== undefined) pool.give(payload.borrowed);
        } else if (request.command !== COMMAND.read) await performPlain(this.#device, request, signal);
      } catch (cause) {
        error = errorNumberOf(cause);
      }
    }
    const reply = this.#replyTo(request, error, structured);
    this.#writer.send([reply], weight);
  }

  #replyTo(request: Request, error: number, structured: boolean): Buffer {
    if (error !== ERROR.none) return errorReply(request, error, structured);
    return request.command === COMMAND.read && structured
      ? emptyReply(request)
      : simpleReply(request, ERROR.none);
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    // Half a write that a client left behind is none.
    this.#next = undefined;
    this.#options.agreement.stream.socket.resume();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#underWay === 0) this.#over();
  }
}

/** Bytes that a request makes us hold. */
function weightOf({ command, length }: Request): number {
  const holds = command === COMMAND.read || command === COMMAND.write || command === COMMAND.cache;
  return holds ? Math.min(length, LARGEST_PAYLOAD) : 0;
}
