import { allow, equalBytes, milliseconds, refuse, type Verdict } from '../base/index.ts';
import type { BlockMessage } from '../protocol/index.ts';
import { Bell } from './bell.ts';
import { ChunkMap, chunkLength, chunksOf } from './chunk-map.ts';
import { InFlight } from './in-flight.ts';
import { lingerAtEnd } from './linger.ts';
import { OrderedHash } from './ordered-hash.ts';
import { Pace } from './pace.ts';
import type { Received, ReceiveOptions } from './receive-options.ts';
import { stalled, stopped, unverified } from './transfer-faults.ts';

const MAX_RANGES = 16;
const MAX_WANTED = 64;
/** Asks that the port has not taken yet; where these pile up, there is no link, and more would only queue. */
const MAX_UNSENT_ASKS = 4;
const STILL_HERE = 5000;
/** So much is made zero in one step. */
const ZERO_BYTES = 256 * 1024 * 1024;

/**
 * Fetches a file chunk by chunk, asking for no more than a window at a time. What is lost is asked for again; what was
 * not asked for, comes twice or has the wrong size is dropped. Ends when the whole is stored, and verified where its
 * hash is known; refuses with TRANSFER_CORRUPT, and forgets every chunk, where the hash is another.
 * @throws NsError NS_TRANSFER_STALLED (retryable), NS_TRANSFER_STOPPED, whatever the storage throws, or the signal's reason
 */
export async function receiveFile(options: ReceiveOptions): Promise<Verdict<Received>> {
  const receiver = new FileReceiver(options);
  const stop = options.port.onMessage(options.id, (message) => receiver.take(message));
  try {
    return await receiver.run();
  } catch (error) {
    receiver.farewell(error);
    throw error;
  } finally {
    stop();
  }
}

class FileReceiver {
  readonly #o: ReceiveOptions;
  readonly #bell: Bell;
  readonly #pace: Pace;
  readonly #flight: InFlight;
  readonly #hash: OrderedHash;
  readonly #have: ChunkMap;
  /** Came and waits to be written; still counted against the window. */
  readonly #arrivals = new Map<number, Uint8Array>();
  /** Runs without data, [first, end), that wait to be made zero. */
  readonly #noneRuns: [number, number][] = [];
  /** Asks after which the sender is told again that it may leave out what is zero. */
  #sayAt = 1;
  #asks = 0;
  /** Every chunk below is there, asked for, or lost. */
  #asked = 0;
  #unsaved = 0;
  #unsentAsks = 0;
  #chunks = 0;
  #wasted = 0;
  #why: string | undefined;
  #lastProgress: number;
  #lastSign = 0;
  #lastError: unknown;

  constructor(options: ReceiveOptions) {
    this.#o = options;
    this.#bell = new Bell(options.clock);
    this.#pace = new Pace(options.chunk, options.window);
    this.#hash = new OrderedHash(options.size, options.chunk);
    this.#have = options.have;
    this.#lastProgress = options.clock.monotonic();
    this.#flight = new InFlight(this.#lastProgress);
  }

  take(message: BlockMessage): void {
    if (message.t === 'stop') this.#why = message.why;
    else if (message.t === 'data') this.#takeChunk(message.i, message.d);
    else if (message.t === 'none') this.#takeNone(message.i, message.n);
    this.#bell.ring();
  }

  #takeChunk(index: number, data: Uint8Array): void {
    this.#chunks += 1;
    const known = index < this.#have.total && !this.#have.has(index) && !this.#arrivals.has(index);
    if (!known || data.byteLength !== chunkLength(index, this.#o.size, this.#o.chunk)) {
      this.#wasted += 1;
      return;
    }
    const arrival = this.#flight.arrived(index, this.#o.clock.monotonic());
    if (arrival === undefined) {
      this.#wasted += 1;
      return;
    }
    this.#pace.arrived(arrival.wait);
    this.#arrivals.set(index, data);
  }

  #takeNone(first: number, chunks: number): void {
    const end = first + chunks;
    const known = this.#o.zero !== undefined && end <= this.#have.total;
    const now = this.#o.clock.monotonic();
    const arrival = known ? this.#flight.arrivedAll(first, end, now) : undefined;
    if (arrival === undefined) {
      this.#wasted += 1;
      return;
    }
    this.#sayAt = Number.POSITIVE_INFINITY;
    this.#pace.arrived(arrival.wait);
    this.#noneRuns.push([first, end]);
  }

  async run(): Promise<Verdict<Received>> {
    this.#report();
    try {
      while (!this.#have.complete) await this.#step();
    } finally {
      await this.#save();
    }
    const sha256 = await this.#verify();
    if (this.#o.sha256 !== undefined && !equalBytes(sha256, this.#o.sha256)) return await this.#refuse();
    this.#o.onProgress?.({ done: this.#o.size, total: this.#o.size });
    const release = lingerAtEnd(this.#o.id, this.#o.port, this.#o.clock);
    return allow({ sha256, chunks: this.#chunks, wasted: this.#wasted, release });
  }

  /** Stores one chunk, or asks, or waits for whichever comes first. */
  async #step(): Promise<void> {
    this.#o.signal.throwIfAborted();
    const [arrival] = this.#arrivals;
    if (arrival !== undefined) await this.#store(arrival[0], arrival[1]);
    await this.#zeroSome();
    if (this.#have.complete) return;
    if (this.#why !== undefined) throw stopped(this.#why);
    const now = this.#o.clock.monotonic();
    const left = this.#lastProgress + this.#o.noProgress - now;
    if (left <= 0) throw stalled(this.#o.noProgress, this.#lastError);
    const expired = this.#flight.expire(now, this.#pace.timeout);
    if (expired !== 'none') this.#pace.lost(now);
    if (expired === 'silence') this.#pace.silent();
    this.#ask(now);
    if (this.#arrivals.size > 0 || this.#noneRuns.length > 0) return;
    // Something complete and in order needs no reading back later: catch up while the link is busy.
    if (this.#have.has(this.#hash.next)) await this.#hash.readNext(this.#o.read, this.#o.signal);
    else {
      const due = Math.min(left, this.#flight.untilExpiry(now, this.#pace.timeout));
      await this.#bell.wait(milliseconds(Math.max(1, due)), this.#o.signal);
    }
  }

  async #store(index: number, data: Uint8Array): Promise<void> {
    await this.#o.write(index * this.#o.chunk, data, this.#o.signal);
    this.#have.add(index);
    this.#arrivals.delete(index);
    this.#hash.offer(index, data);
    await this.#stored();
  }

  /** Takes a part of what the sender left out, as far as it is missing. */
  async #zeroSome(): Promise<void> {
    const run = this.#noneRuns[0];
    if (run === undefined) return;
    const first = this.#have.nextMissing(run[0]) ?? run[1];
    const step = Math.max(1, Math.floor(ZERO_BYTES / this.#o.chunk));
    const end = Math.min(run[1], first + step, this.#have.endOfMissing(first));
    if (first < end) {
      const offset = first * this.#o.chunk;
      const length = Math.min(end * this.#o.chunk, this.#o.size) - offset;
      await this.#o.zero?.(offset, length, this.#o.signal);
      this.#have.addRun(first, end);
      await this.#stored();
    }
    run[0] = Math.max(end, first);
    if (run[0] >= run[1]) this.#noneRuns.shift();
  }

  async #stored(): Promise<void> {
    this.#lastProgress = this.#o.clock.monotonic();
    this.#unsaved += 1;
    if (this.#unsaved >= (this.#o.saveEvery ?? 16)) await this.#save();
    this.#report();
  }

  async #save(): Promise<void> {
    if (this.#unsaved === 0) return;
    this.#unsaved = 0;
    const map = this.#have.toBytes();
    await this.#o.flush();
    await this.#o.saveMap(map);
  }

  /** Fills the window, a quarter of it at a time so that asks stay few. */
  #ask(now: number): void {
    const window = this.#pace.window;
    const room = window - this.#flight.size - this.#arrivals.size;
    const enough = Math.max(1, Math.floor(window / 4));
    if (room < enough && this.#flight.size > 0) return;
    if (room < 1 || this.#unsentAsks >= MAX_UNSENT_ASKS) return;
    const want: [number, number][] = [];
    for (let wanted = 0; wanted < Math.min(room, MAX_WANTED); wanted += 1) {
      const index = this.#nextToAsk();
      if (index === undefined) break;
      const last = want.at(-1);
      if (last !== undefined && last[0] + last[1] === index) last[1] += 1;
      else if (want.length < MAX_RANGES) want.push([index, 1]);
      else break;
      this.#flight.asked(index, now);
      if (index >= this.#asked) this.#asked = index + 1;
    }
    if (want.length === 0) return;
    this.#asks += 1;
    // It may be lost, and says nothing to an older sender.
    if (this.#o.zero !== undefined && this.#asks >= this.#sayAt) {
      this.#sayAt *= 2;
      this.#send({ t: 'sparse', id: this.#o.id });
    }
    this.#send({ t: 'ask', id: this.#o.id, want });
  }

  #nextToAsk(): number | undefined {
    const lost = this.#flight.nextLost();
    if (lost !== undefined) return lost;
    return this.#have.nextMissing(this.#asked);
  }

  async #verify(): Promise<Uint8Array> {
    while (this.#hash.next < this.#have.total) {
      this.#o.signal.throwIfAborted();
      await this.#hash.readNext(this.#o.read, this.#o.signal);
      const now = this.#o.clock.monotonic();
      if (now - this.#lastSign < STILL_HERE) continue;
      this.#lastSign = now;
      this.#send({ t: 'ask', id: this.#o.id, want: [[0, 0]] });
      this.#report();
    }
    return this.#hash.digest();
  }

  async #refuse(): Promise<Verdict<Received>> {
    await this.#o.saveMap(new ChunkMap(chunksOf(this.#o.size, this.#o.chunk)).toBytes());
    this.#send({ t: 'stop', id: this.#o.id, why: 'the bytes received do not have the announced hash' });
    return refuse('TRANSFER_CORRUPT');
  }

  #report(): void {
    this.#o.onProgress?.(unverified(this.#have.count * this.#o.chunk, this.#o.size));
  }

  #send(message: BlockMessage): void {
    this.#unsentAsks += 1;
    this.#o.port
      .send(message)
      .catch((error: unknown) => {
        this.#lastError = error;
      })
      .finally(() => {
        this.#unsentAsks -= 1;
        this.#bell.ring();
      });
  }

  /** Tells the sender, where it is not the one who said stop. */
  farewell(error: unknown): void {
    if (this.#why !== undefined) return;
    const why = error instanceof Error ? error.message.slice(0, 500) : 'stopped';
    this.#send({ t: 'stop', id: this.#o.id, why });
  }
}
