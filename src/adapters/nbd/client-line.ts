import { NsError, sentenceOf } from '../../base/index.ts';
import type { BlockExtent } from '../../ports/index.ts';
import { BufferPool } from './buffer-pool.ts';
import type { RemoteExport } from './client-handshake.ts';
import { Coverage } from './coverage.ts';
import { MessageWriter } from './message-writer.ts';
import { type Awaited, ReplyParser } from './reply-parser.ts';
import { COMMAND, putU64be, REQUEST_MAGIC, REQUEST_SIZE } from './wire.ts';

export interface LineLimits {
  /** Requests that wait for their replies; further ones wait for their turn. */
  readonly requests: number;
  /** Payload bytes of those. */
  readonly bytes: number;
  /** A server that leaves a request unanswered for longer counts as dead. */
  readonly answerMilliseconds: number;
}

export interface Sent {
  readonly command: number;
  readonly flags: number;
  readonly offset: number;
  readonly length: number;
  /** Of a write. */
  readonly parts?: readonly Uint8Array[];
  /** Of a read. */
  readonly into?: Uint8Array;
}

/** What a request came to: the protocol's error number, and the extents of a block status. */
export interface Replied {
  readonly error: number;
  readonly extents: readonly BlockExtent[] | undefined;
}

interface Waiting extends Awaited {
  readonly since: number;
  readonly weight: number;
  readonly resolve: (replied: Replied) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening for the end of the caller's patience. */
  forget: () => void;
}

const LOOK_EVERY_MILLISECONDS = 500;

/** Requests and replies on one connection. Once it has failed it stays so. */
export class ClientLine {
  readonly #remote: RemoteExport;
  readonly #limits: LineLimits;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #queue: (() => void)[] = [];
  readonly #writer: MessageWriter;
  readonly #closed: Promise<void>;
  readonly #watch: NodeJS.Timeout;
  #failure: NsError | undefined;
  #cookie = 0;
  #held = 0;

  constructor(remote: RemoteExport, name: string, limits: LineLimits) {
    this.#remote = remote;
    this.#limits = limits;
    this.#name = name;
    const { socket } = remote.stream;
    this.#writer = new MessageWriter(socket, new BufferPool(0), () => {});
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY_MILLISECONDS);
    this.#watch.unref();
    const parser = new ReplyParser(
      { find: (cookie) => this.#waiting.get(cookie), done: (cookie) => this.#done(cookie) },
      remote.structured,
      remote.allocationId,
    );
    const feed = (chunk: Buffer): void => {
      if (this.#failure !== undefined) return;
      try {
        parser.feed(chunk);
      } catch (cause) {
        this.#fail(sentenceOf(cause), cause);
      }
    };
    const gone = (): void => this.#fail('the NBD server ended the connection');
    socket.once('end', gone);
    socket.once('close', gone);
    const rest = remote.stream.takeRest();
    if (rest.byteLength > 0) feed(rest);
    socket.on('data', feed);
    socket.resume();
    if (socket.destroyed || socket.readableEnded) gone();
  }

  /** Rejects with NS_BLOCK_IO once the connection has failed. A read may be given up by the signal at any time. */
  async request(sent: Sent, signal?: AbortSignal): Promise<Replied> {
    const { length } = sent;
    const weight = sent.parts === undefined && sent.into === undefined ? 0 : length;
    while (this.#failure === undefined && !this.#hasRoom(weight)) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (signal?.aborted === true) {
      this.#wakeNext();
      throw signal.reason;
    }
    this.#cookie += 1;
    const cookie = this.#cookie;
    this.#held += weight;
    return await new Promise<Replied>((resolve, reject) => {
      const waiting: Waiting = {
        isRead: sent.command === COMMAND.read,
        offset: sent.offset,
        length,
        into: sent.into,
        coverage: new Coverage(),
        extents: undefined,
        error: 0,
        since: performance.now(),
        weight,
        resolve,
        reject,
        forget: () => {},
      };
      this.#waiting.set(cookie, waiting);
      if (signal !== undefined && sent.into !== undefined) givesUp(waiting, signal);
      const header = encodeRequest(sent, cookie);
      this.#writer.send(sent.parts === undefined ? [header] : [header, ...sent.parts], 0);
    });
  }

  /** Tells the server, and waits a little for what is on its way to it. */
  async close(): Promise<void> {
    const { socket } = this.#remote.stream;
    if (this.#failure === undefined) {
      const goodbye = { command: COMMAND.disconnect, flags: 0, offset: 0, length: 0 };
      this.#writer.send([encodeRequest(goodbye, 0)], 0);
      await new Promise<void>((resolve) => process.nextTick(resolve));
      socket.end();
    }
    this.#fail('it was closed', undefined, false);
    const enough = setTimeout(() => socket.destroy(), 1000);
    await this.#closed;
    clearTimeout(enough);
  }

  #hasRoom(weight: number): boolean {
    const { requests, bytes } = this.#limits;
    const count = this.#waiting.size;
    return count === 0 || (count < requests && this.#held + weight <= bytes);
  }

  #done(cookie: number): void {
    const waiting = this.#waiting.get(cookie)!;
    this.#waiting.delete(cookie);
    this.#held -= waiting.weight;
    waiting.forget();
    waiting.resolve({ error: waiting.error, extents: waiting.extents });
    this.#wakeNext();
  }

  #wakeNext(): void {
    this.#queue.shift()?.();
  }

  /** Requests are answered in any order, but the oldest stands first. */
  #look(): void {
    for (const { since } of this.#waiting.values()) {
      if (performance.now() - since < this.#limits.answerMilliseconds) return;
      this.#fail('the NBD server does not answer');
      return;
    }
  }

  #fail(sentence: string, cause?: unknown, cut = true): void {
    if (this.#failure !== undefined) return;
    this.#failure = new NsError('NS_BLOCK_IO', `${this.#name}: ${sentence}`, { cause });
    clearInterval(this.#watch);
    if (cut) this.#remote.stream.socket.destroy();
    for (const { reject, forget } of this.#waiting.values()) {
      forget();
      reject(this.#failure);
    }
    this.#waiting.clear();
    for (const wake of this.#queue.splice(0)) wake();
  }
}

/** What comes for a read that was given up is thrown away: its buffer is the caller's again. */
function givesUp(waiting: Waiting, signal: AbortSignal): void {
  const aborted = (): void => {
    waiting.into = undefined;
    waiting.reject(signal.reason);
  };
  signal.addEventListener('abort', aborted, { once: true });
  waiting.forget = () => signal.removeEventListener('abort', aborted);
}

function encodeRequest(sent: Sent, cookie: number): Buffer {
  const bytes = Buffer.allocUnsafe(REQUEST_SIZE);
  bytes.writeUInt32BE(REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(sent.flags, 4);
  bytes.writeUInt16BE(sent.command, 6);
  putU64be(bytes, cookie, 8);
  putU64be(bytes, sent.offset, 16);
  bytes.writeUInt32BE(sent.length, 24);
  return bytes;
}
