import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { hours, milliseconds, toHex } from '../../src/base/index.ts';
import type { BusMessage, PublicKey, Stop } from '../../src/ports/index.ts';
import {
  type BlockMessage,
  CHUNK_BYTES,
  type DeviceEvent,
  decodeBlock,
  deviceTopics,
  encodeBlock,
  type Rejected,
} from '../../src/protocol/index.ts';
import { openEvent } from '../../src/security/index.ts';
import { type BlockPort, sendFile } from '../../src/transfer/index.ts';
import type { BookedOrder } from './order-book.ts';

export interface HardOperatorOptions {
  readonly url: string;
  readonly tenant: string;
  readonly device: string;
  readonly deviceKey: PublicKey;
}

/** Sends orders as often as it likes, serves the files that they name, and keeps every answer. */
export class HardOperator {
  readonly #o: HardOperatorOptions;
  readonly #topics;
  readonly #bus: MqttBus;
  readonly #orders = new Map<string, BookedOrder>();
  readonly #blocks = new Map<string, (message: BlockMessage) => void>();
  readonly #listeners = new Set<(event: DeviceEvent) => void>();
  /** By order: a file being served, until its order is answered. */
  readonly #serving = new Map<string, AbortController>();
  readonly rejected: Rejected[] = [];
  /** Packets on the device's topics that it did not sign. */
  foreign = 0;

  constructor(options: HardOperatorOptions) {
    this.#o = options;
    this.#topics = deviceTopics(options.tenant, options.device);
    this.#bus = new MqttBus(
      { broker: { url: options.url }, clientId: 'hard-operator', limits: { messages: 8192 } },
      systemClock,
      systemEntropy,
      silentLog,
    );
  }

  async start(): Promise<void> {
    this.#bus.onMessage((message) => Promise.resolve(this.#receive(message)));
    await this.#bus.subscribe([this.#topics.evt, this.#topics.blkOut]);
    await this.#bus.start();
  }

  async close(): Promise<void> {
    for (const serving of this.#serving.values()) serving.abort();
    await this.#bus.close();
  }

  onEvent(listener: (event: DeviceEvent) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the device next says that it is there, from when the condition holds. */
  online(from: () => boolean = () => true): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.onEvent((event) => {
        if (event.event !== 'presence' || event.state !== 'online' || !from()) return;
        stop();
        resolve();
      });
    });
  }

  get given(): readonly BookedOrder[] {
    return [...this.#orders.values()];
  }

  get open(): readonly BookedOrder[] {
    return this.given.filter(({ receipts }) => receipts.size === 0);
  }

  /** Sends an order, once more where it was sent before. Resolves when the broker has it. */
  async send(order: BookedOrder): Promise<void> {
    order.sent += 1;
    const key = toHex(order.id);
    if (!this.#orders.has(key)) {
      this.#orders.set(key, order);
      if (order.wish.is === 'put') void this.#serve(order, order.wish.content);
    }
    await this.#bus.publish(this.#topics.cmd, order.packet);
  }

  /** An agent that starts again asks again, also for what it had already. */
  async #serve(order: BookedOrder, content: Uint8Array): Promise<void> {
    const port: BlockPort = {
      send: (message) =>
        this.#bus.publish(this.#topics.blkIn, encodeBlock(message), { transient: message.t === 'data' }),
      onMessage: (id, handler) => {
        this.#blocks.set(toHex(id), handler);
        return () => this.#blocks.delete(toHex(id));
      },
    };
    const stop = new AbortController();
    this.#serving.set(toHex(order.id), stop);
    while (!stop.signal.aborted) {
      await sendFile({
        id: order.id,
        size: content.byteLength,
        chunk: CHUNK_BYTES,
        read: async (offset, into) => into.set(content.subarray(offset, offset + into.byteLength)),
        port,
        clock: systemClock,
        signal: stop.signal,
        noProgress: hours(1),
      }).catch(() => undefined);
      await systemClock.sleep(milliseconds(20), stop.signal).catch(() => undefined);
    }
  }

  #receive({ topic, payload }: BusMessage): void {
    if (topic === this.#topics.blkOut) {
      const block = decodeBlock(payload);
      if (block.ok) this.#blocks.get(toHex(block.value.id))?.(block.value);
      return;
    }
    const opened = openEvent(payload, this.#o.deviceKey, { tenant: this.#o.tenant });
    if (!opened.ok) {
      this.foreign += 1;
      return;
    }
    const event = opened.value;
    if (event.event === 'rejected') this.rejected.push(event);
    if (event.event === 'receipt') {
      const order = this.#orders.get(toHex(event.id));
      if (order === undefined) this.foreign += 1;
      else {
        this.#serving.get(toHex(event.id))?.abort();
        order.heard += 1;
        order.receipts.set(Buffer.from(payload).toString('base64'), { packet: payload, body: event });
      }
    }
    for (const listener of this.#listeners) listener(event);
  }
}
