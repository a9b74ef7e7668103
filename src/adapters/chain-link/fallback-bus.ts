import { asNsError, type Duration, NsError, seconds, Waiters } from '../../base/index.ts';
import type {
  BusMessage,
  BusState,
  Clock,
  LogSink,
  MessageBus,
  PublishOptions,
  Stop,
  SubscribeOptions,
} from '../../ports/index.ts';

export interface FallbackBusParts {
  /** The device's own connection to the broker. */
  readonly own: MessageBus;
  /** By the neighbours; used while the own connection is dead. */
  readonly chain: MessageBus;
  readonly clock: Clock;
  readonly log: LogSink;
  /** How long the own connection must be away before the chain is troubled; 30 s by default. */
  readonly grace?: Duration;
}

const GRACE = seconds(30);

/**
 * A device's bus with a second way: messages are heard from both, and what is said goes by the own connection or, where
 * that has been away for long, also along the chain. A message may so come or go twice, as on any bus of this kind.
 */
export class FallbackBus implements MessageBus {
  readonly #parts: FallbackBusParts;
  readonly #states = new Set<(state: BusState) => void>();
  readonly #waiters = new Waiters();
  readonly #closing = new AbortController();
  readonly #stops: Stop[];
  #own: BusState = { is: 'down', reason: 'not started' };
  #chain: BusState = { is: 'down', reason: 'not started' };
  #away = false;
  #told: BusState['is'] = 'down';
  #patience: AbortController | undefined;
  /** Handlers are called one at a time, whichever way a message came. */
  #handling: Promise<void> = Promise.resolve();

  constructor(parts: FallbackBusParts) {
    this.#parts = parts;
    this.#stops = [
      parts.own.onState((state) => {
        this.#own = state;
        this.#watch();
        this.#tell();
      }),
      parts.chain.onState((state) => {
        this.#chain = state;
        this.#tell();
      }),
    ];
  }

  /** The own connection has been away for so long that the chain is used. */
  get away(): boolean {
    return this.#away;
  }

  /** Resolves when either way is up; an abort before that closes both. */
  async start(signal?: AbortSignal): Promise<void> {
    const { own, chain } = this.#parts;
    this.#watch();
    await Promise.any([own.start(signal), chain.start(signal)]).catch((error: unknown) => {
      throw firstOf(error);
    });
  }

  async subscribe(filters: readonly string[], options?: SubscribeOptions): Promise<void> {
    const { own, chain } = this.#parts;
    await Promise.all([own.subscribe(filters, options), chain.subscribe(filters, options)]);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    const inTurn = (message: BusMessage): Promise<void> => {
      const handled = this.#handling.then(() => handler(message));
      this.#handling = handled.catch(() => undefined);
      return handled;
    };
    this.#parts.own.onMessage(inTurn);
    this.#parts.chain.onMessage(inTurn);
  }

  /** Resolves when either way has it. What is worthless later goes one way or none. */
  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    const { own, chain } = this.#parts;
    if (options.transient === true) {
      const way = this.#own.is === 'up' || !this.#away ? own : chain;
      return way.publish(topic, payload, options);
    }
    const done = new AbortController();
    const fallBack = async (): Promise<void> => {
      await this.#waiters.wait(done.signal, () => this.#away || this.#closing.signal.aborted);
      await chain.publish(topic, payload, options);
    };
    try {
      await Promise.any([own.publish(topic, payload, options), fallBack()]);
    } catch (error) {
      throw firstOf(error);
    } finally {
      done.abort(new NsError('NS_BUS_DOWN', 'sent already'));
    }
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort('closed');
    this.#patience?.abort('closed');
    this.#waiters.look();
    await Promise.all([this.#parts.own.close(), this.#parts.chain.close()]);
    for (const stop of this.#stops) stop();
  }

  /** The chain is for when the own connection stays away. */
  #watch(): void {
    if (this.#own.is === 'up' || this.#closing.signal.aborted) {
      this.#patience?.abort('up');
      this.#patience = undefined;
      if (this.#away) this.#parts.log.log('info', 'relay-fallback-left');
      this.#away = false;
      return;
    }
    if (this.#patience !== undefined) return;
    const patience = new AbortController();
    this.#patience = patience;
    const { clock, log, grace = GRACE } = this.#parts;
    const given = (): void => {
      this.#away = true;
      const reason = this.#own.is === 'down' ? this.#own.reason : '';
      log.log('warn', 'relay-fallback-taken', { reason, neighbour: this.#chain.is });
      this.#waiters.look();
      this.#tell();
    };
    void clock.sleep(grace, patience.signal).then(given, () => undefined);
  }

  /** Up while there is a way that would be used. */
  #tell(): void {
    const state = this.#own.is === 'up' ? this.#own : this.#away ? this.#chain : this.#own;
    if (state.is === this.#told) return;
    this.#told = state.is;
    for (const listener of [...this.#states]) listener(state);
  }
}

function firstOf(error: unknown): NsError {
  return asNsError(error instanceof AggregateError ? error.errors[0] : error, 'NS_BUS_DOWN');
}
