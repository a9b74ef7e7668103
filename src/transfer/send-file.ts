import { createHash, type Hash } from 'node:crypto';
import { type Duration, hasCode, isAllZero, milliseconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import type { BlockMessage } from '../protocol/index.ts';
import { Bell } from './bell.ts';
import type { BlockPort } from './block-port.ts';
import { chunkLength, chunksOf } from './chunk-map.ts';
import { stalled, stopped, type TransferProgress, unverified } from './transfer-faults.ts';
import type { KnownZeros } from './zero-map.ts';

export interface SendOptions {
  /** The transfer's id: that of its order. */
  readonly id: Uint8Array;
  /** Bytes in the whole. */
  readonly size: number;
  /** Bytes in a chunk, as announced to the receiver. */
  readonly chunk: number;
  /** Fills the whole of `into`. */
  readonly read: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** What need not be read to be known as zeros. */
  readonly zeros?: KnownZeros | undefined;
  readonly port: BlockPort;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Longest time without a new chunk sent or hashed. */
  readonly noProgress: Duration;
  /** Bytes handed to the port and not yet taken; 3 MiB by default. One of many transfers takes less. */
  readonly sendWindow?: number;
  readonly onProgress?: (progress: TransferProgress) => void;
}

const SEND_WINDOW = 3 * 1024 * 1024;
/** Chunks of zeros that one read after another finds, told of in one message. */
const ZEROS_READ = 128;
/** Zeros are hashed this much at a time, and others have their turn in between. */
const ZEROS_HASHED = 8 * 1024 * 1024;
const ZEROS = new Uint8Array(256 * 1024);
/** Where the port is full, the next try comes this much later. */
const FULL_PAUSE = 50;
/** More asks than this wait nowhere: the receiver asks again. */
const MAX_PENDING = 256;

/**
 * Serves a file in the chunks that the receiver asks for, until the receiver says that it has it all. The whole is
 * hashed once and in order, also the ranges that a resuming receiver never asks for. A send that fails is a lost
 * chunk; only silence ends the transfer.
 * @throws NsError NS_TRANSFER_STALLED (retryable), NS_TRANSFER_STOPPED, whatever `read` throws, or the signal's reason
 */
export async function sendFile(options: SendOptions): Promise<{ readonly sha256: Uint8Array }> {
  const sender = new FileSender(options);
  const stop = options.port.onMessage(options.id, (message) => sender.receive(message));
  try {
    return { sha256: await sender.run() };
  } catch (error) {
    sender.farewell(error);
    throw error;
  } finally {
    stop();
  }
}

class FileSender {
  readonly #o: SendOptions;
  readonly #bell: Bell;
  readonly #hash: Hash = createHash('sha256');
  readonly #chunks: number;
  readonly #maxSending: number;
  /** Asked for and not yet sent, in the order of asking. */
  readonly #pending = new Set<number>();
  /** Every chunk below is hashed. */
  #hashed = 0;
  /** Every chunk at or above was never sent. */
  #frontier = 0;
  #sending = 0;
  #ended = false;
  /** The receiver takes `none` for chunks. */
  #sparse = false;
  /** A chunk that was read ahead. */
  #ahead: { readonly index: number; readonly data: Uint8Array } | undefined;
  #why: string | undefined;
  #lastProgress: number;
  #lastError: unknown;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: SendOptions) {
    this.#o = options;
    this.#bell = new Bell(options.clock);
    this.#chunks = chunksOf(options.size, options.chunk);
    this.#maxSending = Math.max(1, Math.floor((options.sendWindow ?? SEND_WINDOW) / options.chunk));
    this.#lastProgress = options.clock.monotonic();
  }

  receive(message: BlockMessage): void {
    if (message.t === 'end') this.#ended = true;
    else if (message.t === 'stop') this.#why = message.why;
    else if (message.t === 'sparse') this.#sparse = true;
    else if (message.t === 'ask') for (const [first, count] of message.want) this.#askFor(first, count);
    this.#bell.ring();
  }

  /** An ask for no chunk at all says that the receiver is still at work, verifying what it has. */
  #askFor(first: number, count: number): void {
    if (count === 0) this.#progressed();
    const end = Math.min(first + count, this.#chunks);
    for (let i = first; i < end && this.#pending.size < MAX_PENDING; i += 1) this.#pending.add(i);
  }

  async run(): Promise<Uint8Array> {
    for (;;) {
      this.#o.signal.throwIfAborted();
      if (this.#why !== undefined) throw stopped(this.#why);
      if (this.#ended) break;
      const now = this.#o.clock.monotonic();
      const left = this.#lastProgress + this.#o.noProgress - now;
      if (left <= 0) throw stalled(this.#o.noProgress, this.#lastError);
      const pause = this.#pending.size > 0 ? this.#pausedUntil - now : 0;
      if (this.#pending.size > 0 && pause <= 0 && this.#sending < this.#maxSending) await this.#serveOne();
      else if (this.#hashed < this.#frontier) await this.#hashOne();
      else await this.#bell.wait(milliseconds(pause > 0 ? Math.min(pause, left) : left), this.#o.signal);
    }
    while (this.#hashed < this.#chunks) {
      this.#o.signal.throwIfAborted();
      await this.#hashOne();
    }
    this.#o.onProgress?.({ done: this.#o.size, total: this.#o.size });
    return this.#hash.digest();
  }

  async #read(index: number): Promise<Uint8Array> {
    const data = new Uint8Array(chunkLength(index, this.#o.size, this.#o.chunk));
    await this.#o.read(index * this.#o.chunk, data, this.#o.signal);
    return data;
  }

  async #serveOne(): Promise<void> {
    const [index] = this.#pending;
    this.#pending.delete(index!);
    const known = this.#sparse ? await this.#knownZeros(index!, this.#chunks - index!) : 0;
    if (known > 0) return this.#leaveOut(index!, known);
    const data = await this.#take(index!);
    const frontier = this.#frontier;
    this.#moveTo(index! + 1);
    if (!this.#sparse || !isAllZero(data)) {
      this.#send({ t: 'data', id: this.#o.id, i: index!, d: data });
    } else this.#leaveOut(index!, index! < frontier ? 1 : await this.#readZeros(index!));
  }

  /** How many chunks from this one on are known to be zero; only the last of all may be a part of one. */
  async #knownZeros(index: number, most: number): Promise<number> {
    const { zeros, chunk, size, signal } = this.#o;
    const offset = index * chunk;
    const length = Math.min(most * chunk, size - offset);
    const known = (await zeros?.(offset, length, signal)) ?? 0;
    return offset + known >= size ? this.#chunks - index : Math.floor(known / chunk);
  }

  /** How many chunks from this one on are found to be zero by reading on; what ends them is kept to be sent. */
  async #readZeros(index: number): Promise<number> {
    let end = index + 1;
    while (end < Math.min(this.#chunks, index + ZEROS_READ) && !this.#ended && this.#why === undefined) {
      this.#o.signal.throwIfAborted();
      const data = await this.#take(end);
      if (!isAllZero(data)) {
        this.#ahead = { index: end, data };
        break;
      }
      end += 1;
    }
    return end - index;
  }

  #leaveOut(first: number, chunks: number): void {
    for (const index of this.#pending) {
      if (index >= first && index < first + chunks) this.#pending.delete(index);
    }
    this.#moveTo(first + chunks);
    this.#send({ t: 'none', id: this.#o.id, i: first, n: chunks });
  }

  /** Every chunk below was sent, or is on its way. */
  #moveTo(frontier: number): void {
    if (frontier <= this.#frontier) return;
    this.#frontier = frontier;
    this.#progressed();
  }

  async #take(index: number): Promise<Uint8Array> {
    if (this.#ahead?.index === index) return this.#ahead.data;
    const data = await this.#read(index);
    if (index === this.#hashed) this.#addToHash(data);
    return data;
  }

  async #hashOne(): Promise<void> {
    const most = Math.max(1, Math.floor(ZEROS_HASHED / this.#o.chunk));
    const zeros = await this.#knownZeros(this.#hashed, most);
    if (zeros === 0) return this.#addToHash(await this.#read(this.#hashed));
    const end = Math.min((this.#hashed + zeros) * this.#o.chunk, this.#o.size);
    for (let at = this.#hashed * this.#o.chunk; at < end; at += ZEROS.byteLength) {
      this.#hash.update(ZEROS.subarray(0, Math.min(ZEROS.byteLength, end - at)));
    }
    this.#hashed += zeros;
    this.#progressed();
    await this.#o.clock.sleep(milliseconds(0), this.#o.signal);
  }

  #addToHash(data: Uint8Array): void {
    this.#hash.update(data);
    this.#hashed += 1;
    this.#progressed();
  }

  #progressed(): void {
    this.#lastProgress = this.#o.clock.monotonic();
    this.#o.onProgress?.(unverified(this.#frontier * this.#o.chunk, this.#o.size));
  }

  #send(message: BlockMessage): void {
    this.#sending += 1;
    this.#o.port
      .send(message)
      .catch((error: unknown) => {
        this.#lastError = error;
        if (!hasCode(error, 'NS_BUS_FULL') || (message.t !== 'data' && message.t !== 'none')) return;
        this.#pending.add(message.i);
        this.#pausedUntil = this.#o.clock.monotonic() + FULL_PAUSE;
      })
      .finally(() => {
        this.#sending -= 1;
        this.#bell.ring();
      });
  }

  /** Tells the receiver, where it is not the one who said stop. */
  farewell(error: unknown): void {
    if (this.#why !== undefined) return;
    const why = error instanceof Error ? error.message.slice(0, 500) : 'stopped';
    this.#send({ t: 'stop', id: this.#o.id, why });
  }
}
