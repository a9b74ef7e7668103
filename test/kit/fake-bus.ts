import { NsError } from '../../src/base/index.ts';
import type {
  BusMessage,
  BusState,
  MessageBus,
  PublishOptions,
  Stop,
  SubscribeOptions,
} from '../../src/ports/index.ts';

interface Published {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

/** A broker in memory: sessions outlive their buses' connections, and what was not acknowledged comes again. */
export class FakeBroker {
  readonly #sessions = new Map<string, Session>();
  readonly #retained = new Map<string, Published>();
  /** Everything ever published, oldest first. */
  readonly published: Published[] = [];

  bus(clientId: string): FakeBus {
    const session = this.#sessions.get(clientId) ?? { filters: new Set(), brief: new Set(), waiting: [] };
    this.#sessions.set(clientId, session);
    return new FakeBus(this, session);
  }

  /** Loses every session, as a broker does that keeps none. */
  forget(): void {
    this.#sessions.clear();
  }

  publish(message: Published): void {
    this.published.push(message);
    if (message.retained) this.#retained.set(message.topic, message);
    for (const session of this.#sessions.values()) {
      const fits = [...session.filters].filter((filter) => topicFits(filter, message.topic));
      if (fits.some((filter) => session.wake !== undefined || !session.brief.has(filter))) {
        session.waiting.push({ ...message, retained: false });
        session.wake?.();
      }
    }
  }

  subscribe(session: Session, filters: readonly string[]): void {
    for (const filter of filters) {
      if (session.filters.has(filter)) continue;
      session.filters.add(filter);
      for (const message of this.#retained.values()) {
        if (topicFits(filter, message.topic)) session.waiting.push(message);
      }
    }
    session.wake?.();
  }
}

interface Session {
  readonly filters: Set<string>;
  /** Of these nothing is kept while there is no connection. */
  readonly brief: Set<string>;
  readonly waiting: Published[];
  wake?: (() => void) | undefined;
}

/** MQTT's "+" and a trailing "#". */
export function topicFits(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [i, part] of wanted.entries()) {
    if (part === '#') return true;
    if (levels[i] === undefined || (part !== '+' && part !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

const ROOM = 1024;

export class FakeBus implements MessageBus {
  readonly #broker: FakeBroker;
  readonly #session: Session;
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #unsent: { message: Published; resolve: () => void; reject: (error: Error) => void }[] = [];
  #handler: (message: BusMessage) => Promise<void> = async () => {};
  #up = false;
  #closed = false;
  #connection = 0;
  #busy = false;

  constructor(broker: FakeBroker, session: Session) {
    this.#broker = broker;
    this.#session = session;
  }

  async start(): Promise<void> {
    this.connect();
  }

  /** The connection comes back. */
  connect(): void {
    if (this.#up || this.#closed) return;
    this.#up = true;
    this.#connection += 1;
    this.#busy = false;
    this.#session.wake = () => void this.#deliver();
    for (const { message, resolve } of this.#unsent.splice(0)) {
      this.#broker.publish(message);
      resolve();
    }
    for (const listener of [...this.#listeners]) listener({ is: 'up', protocol: '5' });
    void this.#deliver();
  }

  /** The connection breaks. */
  disconnect(reason = 'cut'): void {
    if (!this.#up) return;
    this.#up = false;
    this.#connection += 1;
    this.#session.wake = undefined;
    for (const listener of [...this.#listeners]) listener({ is: 'down', reason });
  }

  async subscribe(filters: readonly string[], options: SubscribeOptions = {}): Promise<void> {
    if (options.transient === true) for (const filter of filters) this.#session.brief.add(filter);
    this.#broker.subscribe(this.#session, filters);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    this.#handler = handler;
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    const message = { topic, payload: payload.slice(), retained: options.retain ?? false };
    if (this.#closed || (!this.#up && options.transient)) throw new NsError('NS_BUS_DOWN', 'no connection');
    if (this.#up) {
      this.#broker.publish(message);
      return;
    }
    if (this.#unsent.length >= ROOM) throw new NsError('NS_BUS_FULL', 'no room');
    await new Promise<void>((resolve, reject) => this.#unsent.push({ message, resolve, reject }));
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.disconnect('closed');
    this.#closed = true;
    for (const { reject } of this.#unsent.splice(0)) reject(new NsError('NS_BUS_DOWN', 'closed'));
  }

  /** One at a time; a message leaves the session when its handler resolves on the connection that brought it. */
  async #deliver(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const connection = this.#connection;
    const same = (): boolean => this.#up && this.#connection === connection;
    while (same() && this.#session.waiting.length > 0) {
      const message = this.#session.waiting[0]!;
      const done = await this.#handler(message).then(
        () => true,
        () => false,
      );
      if (!same()) return;
      if (!done) return this.disconnect('a message could not be handled');
      this.#session.waiting.shift();
    }
    if (same()) this.#busy = false;
  }
}
