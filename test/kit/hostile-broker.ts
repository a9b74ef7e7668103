import { NsError } from '../../src/base/index.ts';
import type { BusMessage, BusState, MessageBus, PublishOptions, Stop } from '../../src/ports/index.ts';
import { topicFits } from './fake-bus.ts';

export interface Published {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
  /** The client that published it; whoever holds the broker may write any name there. */
  readonly client: string;
}

/** Waiting in one client's session. A broker may hold back more than that, and may lose all of it. */
const MOST_WAITING = 100_000;

/**
 * A broker in memory in the hands of an attacker, for as many clients as wanted. It hears everything, says anything to
 * anybody under any topic, and passes on only what `passes` lets through.
 */
export class HostileBroker {
  readonly #clients = new Map<string, Client>();
  readonly #byTopic = new Map<string, Set<Client>>();
  readonly #byPattern = new Map<string, Set<Client>>();
  readonly #retained = new Map<string, Published>();
  readonly #listeners = new Set<(message: Published) => void>();
  /** Whether the broker passes on what a client has published. */
  passes: (message: Published) => boolean = () => true;

  bus(name: string): MessageBus {
    const client = new Client(name, this);
    this.#clients.set(name, client);
    return client;
  }

  /** Hears all that clients publish, passed on or not. */
  hear(listener: (message: Published) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a client publishes. */
  take(message: Published): void {
    for (const listener of this.#listeners) listener(message);
    if (this.passes(message)) this.publish(message);
  }

  /** To all who have subscribed to the topic. */
  publish(message: Omit<Published, 'client'>): void {
    if (message.retained) this.#retained.set(message.topic, { ...message, client: 'broker' });
    const { topic, payload } = message;
    for (const client of this.#byTopic.get(topic) ?? []) client.bring({ topic, payload, retained: false });
    for (const [filter, clients] of this.#byPattern) {
      if (!topicFits(filter, topic)) continue;
      for (const client of clients) client.bring({ topic, payload, retained: false });
    }
  }

  /** To one client, under whatever topic and with whatever flag, subscribed or not. */
  push(client: string, message: BusMessage): void {
    this.#clients.get(client)?.bring(message);
  }

  subscribed(client: Client, filters: readonly string[]): void {
    for (const filter of filters) {
      const table = /[+#]/.test(filter) ? this.#byPattern : this.#byTopic;
      const known = table.get(filter) ?? new Set();
      if (known.has(client)) continue;
      table.set(filter, known.add(client));
      for (const message of this.#retained.values())
        if (topicFits(filter, message.topic)) client.bring(message);
    }
  }

  left(client: Client): void {
    for (const clients of [...this.#byTopic.values(), ...this.#byPattern.values()]) clients.delete(client);
    if (this.#clients.get(client.name) === client) this.#clients.delete(client.name);
  }

  /** Resolves when every client has handled all that was brought to it. */
  async idle(): Promise<void> {
    for (const client of this.#clients.values()) await client.handled;
  }
}

class Client implements MessageBus {
  readonly name: string;
  readonly #broker: HostileBroker;
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #waiting: BusMessage[] = [];
  #handler: ((message: BusMessage) => Promise<void>) | undefined;
  #closed = false;
  #working = false;
  /** Resolves when all that was brought so far is handled. */
  handled: Promise<void> = Promise.resolve();

  constructor(name: string, broker: HostileBroker) {
    this.name = name;
    this.#broker = broker;
  }

  async start(): Promise<void> {
    for (const listener of [...this.#listeners]) listener({ is: 'up', protocol: '5' });
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    this.#broker.subscribed(this, filters);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    this.#handler = handler;
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    if (this.#closed) throw new NsError('NS_BUS_DOWN', 'closed');
    const { name: client } = this;
    this.#broker.take({ topic, payload: payload.slice(), retained: options.retain ?? false, client });
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#broker.left(this);
  }

  bring(message: BusMessage): void {
    if (this.#closed || this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(message);
    if (!this.#working) this.handled = this.#work();
  }

  /** One at a time, as an agent takes them. */
  async #work(): Promise<void> {
    this.#working = true;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      await this.#handler?.(message).catch(() => undefined);
    }
    this.#working = false;
  }
}
