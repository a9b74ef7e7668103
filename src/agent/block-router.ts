import { toHex } from '../base/index.ts';
import type { MessageBus, Stop } from '../ports/index.ts';
import { type BlockMessage, decodeBlock, encodeBlock, LIMITS } from '../protocol/index.ts';
import type { BlockPort } from '../transfer/index.ts';

type Handler = (message: BlockMessage) => void;

/** Block messages between the bus and the transfers, by transfer id. Nothing is kept here: a lost message is asked for again. */
export class BlockRouter implements BlockPort {
  readonly #bus: MessageBus;
  readonly #topic: string;
  readonly #handlers = new Map<string, Set<Handler>>();
  #ignored = 0;
  /** How many have asked for room; what is sent meanwhile waits for the bell. */
  #standingBack = 0;
  #bell = Promise.resolve();
  #ring: () => void = () => {};

  /** `topic` is where messages are sent to. */
  constructor(bus: MessageBus, topic: string) {
    this.#bus = bus;
    this.#topic = topic;
  }

  /** Messages that were no block message, or of no transfer under way. */
  get ignored(): number {
    return this.#ignored;
  }

  standBack(): Stop {
    if (this.#standingBack === 0) {
      this.#bell = new Promise((resolve) => {
        this.#ring = resolve;
      });
    }
    this.#standingBack += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#standingBack -= 1;
      if (this.#standingBack === 0) this.#ring();
    };
  }

  async send(message: BlockMessage): Promise<void> {
    while (this.#standingBack > 0) await this.#bell;
    return this.#bus.publish(this.#topic, encodeBlock(message), { transient: true });
  }

  onMessage(id: Uint8Array, handler: Handler): Stop {
    const key = toHex(id);
    const handlers = this.#handlers.get(key) ?? new Set();
    this.#handlers.set(key, handlers);
    handlers.add(handler);
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0 && this.#handlers.get(key) === handlers) this.#handlers.delete(key);
    };
  }

  /** A packet from the bus. With no transfer under way it is not even looked at. */
  receive(packet: Uint8Array): void {
    const message =
      this.#handlers.size > 0 && this.#standingBack === 0 && packet.byteLength <= LIMITS.block
        ? decodeBlock(packet)
        : undefined;
    const handlers = message?.ok ? this.#handlers.get(toHex(message.value.id)) : undefined;
    if (!message?.ok || handlers === undefined) {
      this.#ignored += 1;
      return;
    }
    for (const handler of [...handlers]) handler(message.value);
  }
}
