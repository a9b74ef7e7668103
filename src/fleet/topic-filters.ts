import type { MessageBus } from '../ports/index.ts';

/** Devices' topics that are asked for one by one; more than that share a wildcard of each kind. */
const EXACT = 6;

/** What is subscribed to: a bus has room for few filters, and a fleet has thousands of devices. */
export class TopicFilters {
  readonly #bus: MessageBus;
  readonly #subscribed = new Map<string, Promise<void>>();
  #exact = 0;

  constructor(bus: MessageBus) {
    this.#bus = bus;
  }

  /** Resolves when what this device publishes there is heard. */
  async hear(device: string, topic: string): Promise<void> {
    const everyone = topic.replace(`/d/${device}/`, '/d/+/');
    const known = this.#subscribed.get(topic) ?? this.#subscribed.get(everyone);
    const filter = this.#exact < EXACT ? topic : everyone;
    const pending = known ?? this.#bus.subscribe([filter]);
    if (known === undefined) {
      this.#subscribed.set(filter, pending);
      if (filter === topic) this.#exact += 1;
    }
    try {
      await pending;
    } catch (error) {
      this.#subscribed.delete(filter);
      throw error;
    }
  }
}
