import { toHex } from '../base/index.ts';
import type { MessageBus, PublicKey, Stop } from '../ports/index.ts';
import {
  type BlockMessage,
  type DeviceEvent,
  type DeviceTopics,
  decodeBlock,
  deviceTopics,
  encodeBlock,
  type Presence,
} from '../protocol/index.ts';
import { openEvent } from '../security/index.ts';
import type { BlockPort } from '../transfer/index.ts';
import type { OrderRun } from './order-run.ts';

/** What one device says to us, sorted by the order that it belongs to. */
export class DeviceLine {
  readonly name: string;
  readonly topics: DeviceTopics;
  /** Packets on this device's topics that were not its own, or made no sense. */
  ignored = 0;
  presence: Presence | undefined;
  readonly #key: PublicKey;
  readonly #tenant: string;
  readonly #bus: MessageBus;
  readonly #listeners = new Set<(event: DeviceEvent) => void>();
  readonly #runs = new Map<string, OrderRun>();
  readonly #blockHandlers = new Map<string, (message: BlockMessage) => void>();

  constructor(name: string, key: PublicKey, tenant: string, bus: MessageBus) {
    this.name = name;
    this.topics = deviceTopics(tenant, name);
    this.#key = key;
    this.#tenant = tenant;
    this.#bus = bus;
  }

  follow(run: OrderRun): void {
    this.#runs.set(toHex(run.id), run);
    const leave = () => this.#runs.delete(toHex(run.id));
    run.outcome.then(leave, leave);
  }

  /** Tells what the device says now, of itself and of any order, whoever gave it. */
  listen(take: (event: DeviceEvent) => void): Stop {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  /** An event packet. Only presence may be a retained one: a broker may keep anything else for a later deceit. */
  takeEvent(packet: Uint8Array, retained: boolean): void {
    const opened = openEvent(packet, this.#key, { tenant: this.#tenant });
    if (!opened.ok || opened.value.device !== this.name) {
      this.ignored += 1;
      return;
    }
    const event = opened.value;
    if (event.event === 'presence') this.presence = event;
    if (retained) return;
    if (event.event !== 'presence') for (const run of this.#runs.values()) run.take(event, packet);
    for (const take of [...this.#listeners]) take(event);
  }

  takeBlock(packet: Uint8Array): void {
    const block = decodeBlock(packet);
    if (!block.ok) {
      this.ignored += 1;
      return;
    }
    const id = toHex(block.value.id);
    this.#runs.get(id)?.alive();
    this.#blockHandlers.get(id)?.(block.value);
  }

  /** Our end of every block conversation with this device. */
  readonly blocks: BlockPort = {
    // Chunks give way to orders, and are asked for again where the connection breaks.
    send: (message) =>
      this.#bus.publish(this.topics.blkIn, encodeBlock(message), {
        transient: message.t === 'data' || message.t === 'none',
      }),
    onMessage: (id, handler): Stop => {
      const key = toHex(id);
      this.#blockHandlers.set(key, handler);
      return () => {
        if (this.#blockHandlers.get(key) === handler) this.#blockHandlers.delete(key);
      };
    },
  };
}
