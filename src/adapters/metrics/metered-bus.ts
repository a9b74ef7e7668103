import type {
  BusMessage,
  BusState,
  Clock,
  MessageBus,
  PublishOptions,
  Stop,
  SubscribeOptions,
} from '../../ports/index.ts';
import type { Counter, Histogram, Registry } from './registry.ts';

const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 5, 30];

/** A bus whose connection, and the time that its broker takes, are measured. */
export class MeteredBus implements MessageBus {
  readonly #bus: MessageBus;
  readonly #clock: Clock;
  readonly #trips: Histogram;
  readonly #failures: Counter;
  #connected = false;
  #waiting = 0;

  constructor(bus: MessageBus, clock: Clock, registry: Registry) {
    this.#bus = bus;
    this.#clock = clock;
    this.#trips = registry.histogram(
      'nightshift_broker_publish_seconds',
      "From handing a message to the connection to the broker's acknowledgement, while connected.",
      BOUNDS,
    );
    this.#failures = registry.counter(
      'nightshift_broker_publish_failures_total',
      'Messages that the broker did not take, without those that are worthless later.',
    );
    const connects = registry.counter(
      'nightshift_mqtt_connects_total',
      'Connections to the broker that came up; all but the first are reconnects.',
    );
    const connected = registry.gauge(
      'nightshift_mqtt_connected',
      '1 while there is a connection to the broker.',
    );
    const outbox = registry.gauge(
      'nightshift_outbox_messages',
      'Messages that were said and that the broker has not acknowledged.',
    );
    bus.onState((state) => {
      this.#connected = state.is === 'up';
      if (this.#connected) connects.add();
    });
    registry.onScrape(() => {
      connected.set(this.#connected ? 1 : 0);
      outbox.set(this.#waiting);
    });
  }

  start(signal?: AbortSignal): Promise<void> {
    return this.#bus.start(signal);
  }

  subscribe(filters: readonly string[], options?: SubscribeOptions): Promise<void> {
    return this.#bus.subscribe(filters, options);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    this.#bus.onMessage(handler);
  }

  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void> {
    const begun = this.#connected ? this.#clock.monotonic() : undefined;
    const sent = this.#bus.publish(topic, payload, options);
    this.#waiting += 1;
    sent.then(
      () => {
        this.#waiting -= 1;
        if (begun !== undefined && options?.transient !== true) {
          this.#trips.observe((this.#clock.monotonic() - begun) / 1000);
        }
      },
      () => {
        this.#waiting -= 1;
        if (options?.transient !== true) this.#failures.add();
      },
    );
    return sent;
  }

  onState(listener: (state: BusState) => void): Stop {
    return this.#bus.onState(listener);
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
