import { asNsError, type Duration, hasCode, NsError, seconds } from '../../base/index.ts';
import type { BusMessage, BusState, MessageBus, PublishOptions, Stop } from '../../ports/index.ts';
import { deviceTopics, LIMITS, seenFilter } from '../../protocol/index.ts';
import { ANY_GATEWAY, type Envelope } from '../../sata-chain/index.ts';
import type { RelayPart } from './shared-relay.ts';

/** Envelopes held here beyond which what is of no use later is not sent. */
const BUSY = 16;
/** How long what is of no use later may be on its way. */
export const BRIEF: Duration = seconds(60);

/**
 * A device's bus where its own network is dead: orders come, and events and receipts go, along the chain, by a neighbour
 * that has a network; and what devices tell each other of tokens, both ways. Only that: a file's blocks would take the
 * chain's time from the disk, and are refused.
 */
export class RelayBus implements MessageBus {
  readonly #open: () => Promise<RelayPart>;
  readonly #cmd: string;
  readonly #evt: string;
  readonly #seen: string;
  readonly #tenant: string;
  readonly #filters = new Set<string>();
  readonly #states = new Set<(state: BusState) => void>();
  readonly #closing = new AbortController();
  /** What was published before the start waits for this. */
  readonly #opened: Promise<RelayPart>;
  #resolveOpened: (node: RelayPart) => void = () => undefined;
  #rejectOpened: (error: NsError) => void = () => undefined;
  #early = 0;
  #node: RelayPart | undefined;
  #handler: ((message: BusMessage) => Promise<void>) | undefined;
  /** One at a time, so that a neighbour with many does not keep what comes another way waiting. */
  #handling: Promise<void> = Promise.resolve();
  #up = false;
  #started = false;

  /** `open` opens this device's relay; asked at the start, once. */
  constructor(open: () => Promise<RelayPart>, tenant: string, device: string) {
    this.#open = open;
    this.#opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    this.#opened.catch(() => undefined);
    const { cmd, evt, seen } = deviceTopics(tenant, device);
    this.#cmd = cmd;
    this.#evt = evt;
    this.#seen = seen;
    this.#tenant = tenant;
  }

  /** Resolves when a neighbour is connected; an abort before that closes the bus. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#started) throw new NsError('NS_BUS_STARTED', 'a bus starts once', { family: 'caller' });
    this.#started = true;
    const close = (): void => void this.close();
    if (signal?.aborted) close();
    signal?.addEventListener('abort', close, { once: true });
    const up = new Promise<void>((resolve, reject) => {
      this.onState((state) => {
        if (state.is === 'up') resolve();
      });
      const closed = (): void => reject(down('the bus was closed'));
      if (this.#closing.signal.aborted) closed();
      this.#closing.signal.addEventListener('abort', closed, { once: true });
    });
    await Promise.all([this.#begin(), up]);
  }

  async #begin(): Promise<void> {
    const node = await this.#open();
    if (this.#closing.signal.aborted) return node.close();
    this.#node = node;
    node.start((envelope) => this.#receive(envelope));
    node.onUp((isUp) => this.#connection(isUp));
    this.#resolveOpened(node);
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    for (const filter of filters) this.#filters.add(filter);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    this.#handler = handler;
  }

  /** Resolves when a neighbour has it in safe keeping. NS_BUS_REFUSED for what is on neither `evt` nor `seen` of this device. */
  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    if (this.#closing.signal.aborted) throw down('the bus was closed');
    const transient = options.transient === true;
    if (transient && !this.#up) throw down('no neighbour is connected');
    if ((topic !== this.#evt && topic !== this.#seen) || options.retain === true) {
      throw new NsError('NS_BUS_REFUSED', 'along the chain only events, receipts and tokens go');
    }
    if (transient && (this.#node?.held ?? 0) >= BUSY) throw full();
    try {
      const node = this.#node ?? (await this.#opening());
      const kind = topic === this.#seen ? 'seen' : 'event';
      await node.send(kind, ANY_GATEWAY, payload, 'passed', ...(transient ? [BRIEF] : []));
    } catch (error) {
      if (hasCode(error, 'NS_RELAY_FULL')) throw full();
      if (hasCode(error, 'NS_RELAY_INVALID')) {
        throw new NsError('NS_BUS_REFUSED', error.sentence, { cause: error });
      }
      throw down(asNsError(error).sentence);
    }
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  /** Closes the relay with it; the links stay open. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort('closed');
    this.#rejectOpened(down('the bus was closed'));
    await this.#node?.close();
    this.#connection(false);
  }

  async #opening(): Promise<RelayPart> {
    if (this.#early >= BUSY) throw new NsError('NS_RELAY_FULL', 'the relay is not open yet');
    this.#early += 1;
    try {
      return await this.#opened;
    } finally {
      this.#early -= 1;
    }
  }

  #connection(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    const state: BusState = up
      ? { is: 'up', protocol: '3.1.1' }
      : { is: 'down', reason: 'no neighbour is connected' };
    for (const listener of [...this.#states]) listener(state);
  }

  async #receive({ kind, from, packet }: Envelope): Promise<void> {
    if (kind === 'order') return this.#hand(this.#cmd, this.#cmd, packet);
    if (kind !== 'seen' || packet.byteLength > LIMITS.seen) return;
    const filter = seenFilter(this.#tenant);
    // The neighbour that brought it stands for whoever told it.
    if (this.#filters.has(filter)) await this.#hand(filter, deviceTopics(this.#tenant, from).seen, packet);
  }

  async #hand(filter: string, topic: string, payload: Uint8Array): Promise<void> {
    if (this.#handler === undefined || !this.#filters.has(filter)) throw down('nobody listens yet');
    const handler = this.#handler;
    const handled = this.#handling.then(() => handler({ topic, payload, retained: false }));
    this.#handling = handled.catch(() => undefined);
    await handled;
  }
}

const down = (sentence: string): NsError => new NsError('NS_BUS_DOWN', sentence, { retryable: true });
const full = (): NsError =>
  new NsError('NS_BUS_FULL', 'too much waits for a neighbour already', { retryable: true });
