import {
  asNsError,
  type ByteCount,
  bytes,
  type Duration,
  MiB,
  NsError,
  seconds,
  toHex,
} from '../../base/index.ts';
import type { ChainLink, Clock, Entropy, LogSink, StateStore, Stop } from '../../ports/index.ts';
import { millis, type Nanoseconds, nanoseconds, type Scheduler } from '../time.ts';
import { type Envelope, envelopeId, isSound, LONGEST_TTL, MOST_HOPS } from './envelope.ts';
import { RelayCore, type RelayEffect, type RelayInput } from './relay-core.ts';
import { RelayLine } from './relay-line.ts';
import { RelayStore } from './relay-store.ts';
import type { Seen } from './seen.ts';

export interface RelayNodeOptions {
  /** This unit's device name. */
  readonly self: string;
  /** Has a live network, and takes what is for any gateway: from everybody, or from these devices. */
  readonly gateway: boolean | readonly string[];
  readonly links: readonly ChainLink[];
  readonly store: StateStore;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: LogSink;
  readonly newIncarnation: () => number;
  /** How long what is sent here may be on its way; an hour by default. */
  readonly ttl?: Duration;
  readonly mostHeld?: number;
  /** Of the packets held; 4 MiB by default. */
  readonly mostBytes?: ByteCount;
}

interface Waiting {
  readonly until: 'stored' | 'passed';
  readonly resolve: () => void;
  readonly reject: (error: NsError) => void;
}

const TTL = seconds(3600);
const MOST_HELD = 64;
const MOST_BYTES = bytes(4 * MiB);
const TICK: Nanoseconds = millis(1000);
/** A neighbour decides how often something is dropped: the log has one line of it in so long. */
const DROP_LINE: Nanoseconds = millis(1000);

/**
 * A unit's part in passing signed packets along the chain. It reads none of them: it can delay or lose, but a packet that it
 * altered is refused by whoever opens it, and one that it repeats is known there already.
 */
export class RelayNode {
  readonly self: string;
  readonly #options: RelayNodeOptions;
  readonly #store: RelayStore;
  readonly #seen: Seen;
  readonly #core: RelayCore;
  readonly #lines = new Map<string, RelayLine>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #up = new Set<(up: boolean) => void>();
  #deliver: (envelope: Envelope) => Promise<void> = () => Promise.reject(new Error('nobody listens'));
  #isUp = false;
  #closed = false;
  /** Envelopes offered to neighbours, since the start. */
  offers = 0;
  #stopTick: Stop = () => undefined;
  #nextDropLine: Nanoseconds = nanoseconds(0);
  /** Dropped since the last line. */
  #untold = 0;
  /** Writes to own storage happen one after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    options: RelayNodeOptions,
    store: RelayStore,
    loaded: Awaited<ReturnType<RelayStore['load']>>,
  ) {
    this.#options = options;
    this.self = options.self;
    this.#store = store;
    this.#seen = loaded.seen;
    const { self, gateway, links, scheduler, mostHeld = MOST_HELD, mostBytes = MOST_BYTES } = options;
    const standsFor = (device: string): boolean =>
      typeof gateway === 'boolean' ? gateway : gateway.includes(device);
    const rules = { self, standsFor, links: links.map(({ name }) => name), mostHeld, mostBytes };
    this.#core = new RelayCore(rules, loaded.seen, loaded.held, scheduler.now());
  }

  /** Goes on with what an earlier run held. NS errors of the storage pass through. */
  static async open(options: RelayNodeOptions): Promise<RelayNode> {
    const store = new RelayStore(options.store, () => options.clock.wallSeconds());
    return new RelayNode(options, store, await store.load());
  }

  /** Envelopes held at present. */
  get held(): number {
    return this.#core.held;
  }

  /**
   * Begins to work. `deliver` gets what is for this unit; an envelope counts as delivered when its promise resolves, and
   * comes again where it rejects or the program ends first.
   */
  start(deliver: (envelope: Envelope) => Promise<void>): void {
    this.#deliver = deliver;
    const { links, scheduler, newIncarnation } = this.#options;
    for (const link of links) {
      const line = new RelayLine(link, scheduler, newIncarnation, {
        message: (message) => this.#give({ is: 'heard', link: link.name, message }),
        connection: (up) => this.#connection(link.name, up),
      });
      this.#lines.set(link.name, line);
      line.start();
    }
    this.#tick();
  }

  /** True while a neighbour is connected. Called at once, then at each change. */
  onUp(listener: (up: boolean) => void): Stop {
    this.#up.add(listener);
    listener(this.#isUp);
    return () => this.#up.delete(listener);
  }

  /**
   * Sends a signed packet. Resolves when a neighbour has it in safe keeping, or with `until` 'stored' when own storage has
   * it, from where it goes on after a restart too. Rejects with NS_RELAY_FULL where too much waits
   * already, NS_RELAY_LOST where nobody took it in its time, NS_RELAY_CLOSED. `ttl`: how long it may be on its way.
   */
  send(
    kind: Envelope['kind'],
    to: string,
    packet: Uint8Array,
    until: 'stored' | 'passed' = 'passed',
    ttl: Duration = this.#options.ttl ?? TTL,
  ): Promise<void> {
    const { clock, entropy } = this.#options;
    const envelope: Envelope = {
      kind,
      from: this.self,
      to,
      created: Math.max(0, clock.wallSeconds()),
      nonce: entropy.randomBytes(8),
      packet,
      hops: MOST_HOPS,
      ttl: Math.min(LONGEST_TTL, Math.ceil(ttl / 1000)),
    };
    if (!isSound(envelope)) {
      const sentence = `a packet of ${packet.length} bytes for ${to} cannot be relayed`;
      return Promise.reject(new NsError('NS_RELAY_INVALID', sentence, { family: 'caller' }));
    }
    if (this.#closed) return Promise.reject(relayError('NS_RELAY_CLOSED', 'the relay is closed'));
    const id = toHex(envelopeId(envelope));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { until, resolve, reject });
      this.#give({ is: 'submit', envelope });
    });
  }

  /** What is held is kept for the next run. The links stay open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTick();
    for (const line of this.#lines.values()) line.close();
    for (const { reject } of this.#waiting.values())
      reject(relayError('NS_RELAY_CLOSED', 'the relay is closed'));
    this.#waiting.clear();
    await this.#writing;
  }

  #tick(): void {
    this.#give({ is: 'tick' });
    this.#stopTick = this.#options.scheduler.after(TICK, () => this.#tick());
  }

  #connection(link: string, up: boolean): void {
    this.#give({ is: 'link', link, up });
    const isUp = [...this.#lines.values()].some((line) => line.connected);
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    for (const listener of [...this.#up]) listener(isUp);
  }

  #give(input: RelayInput): void {
    if (this.#closed) return;
    for (const effect of this.#core.step(input, this.#options.scheduler.now())) this.#do(effect);
  }

  #do(effect: RelayEffect): void {
    switch (effect.is) {
      case 'keep':
        this.#write(effect.id, () => this.#store.keep(effect.id, effect.envelope), true);
        break;
      case 'forget':
        if (effect.stored) this.#write(effect.id, () => this.#store.forget(effect.id, this.#seen), false);
        break;
      case 'send':
        if (effect.message.is === 'offer') this.offers += 1;
        this.#lines.get(effect.link)?.send(effect.message);
        break;
      case 'deliver':
        void this.#handOver(effect.id, effect.envelope);
        break;
      case 'passed':
        this.#resolve(effect.id);
        break;
      case 'dropped':
        this.#dropped(effect);
        break;
    }
  }

  #write(id: string, write: () => Promise<void>, tells: boolean): void {
    this.#writing = this.#writing.then(write).then(
      () => {
        if (!tells) return;
        if (this.#waiting.get(id)?.until === 'stored') this.#resolve(id);
        this.#give({ is: 'kept', id, ok: true });
      },
      (error: unknown) => {
        this.#options.log.log('error', 'relay-not-stored', { id, error: asNsError(error).message });
        if (tells) this.#give({ is: 'kept', id, ok: false });
      },
    );
  }

  #resolve(id: string): void {
    this.#waiting.get(id)?.resolve();
    this.#waiting.delete(id);
  }

  async #handOver(id: string, envelope: Envelope): Promise<void> {
    let ok = true;
    try {
      await this.#deliver(envelope);
    } catch (error) {
      ok = false;
      this.#options.log.log('warn', 'relay-not-delivered', { id, error: asNsError(error).message });
    }
    this.#give({ is: 'delivered', id, ok });
  }

  #dropped({ id, envelope, why }: RelayEffect & { is: 'dropped' }): void {
    const { kind, from, to } = envelope;
    const now = this.#options.scheduler.now();
    if (now < this.#nextDropLine) this.#untold += 1;
    else {
      this.#options.log.log('warn', 'relay-dropped', { id, kind, from, to, why, untold: this.#untold });
      this.#untold = 0;
      this.#nextDropLine = nanoseconds(now + DROP_LINE);
    }
    const code = why === 'full' ? 'NS_RELAY_FULL' : 'NS_RELAY_LOST';
    this.#waiting.get(id)?.reject(relayError(code, `the relay gave the packet up: ${why}`));
    this.#waiting.delete(id);
  }
}

const relayError = (code: 'NS_RELAY_FULL' | 'NS_RELAY_LOST' | 'NS_RELAY_CLOSED', sentence: string): NsError =>
  new NsError(code, sentence, { retryable: true });
