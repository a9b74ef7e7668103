import { createHash } from 'node:crypto';
import { toHex } from '../../src/base/index.ts';
import type { Clock, KeyStore, MessageBus } from '../../src/ports/index.ts';
import {
  type BlockMessage,
  type DeviceEvent,
  decodeBlock,
  deviceTopics,
  encodeBlock,
  type Order,
  type Receipt,
  type Rejected,
} from '../../src/protocol/index.ts';
import { type Keyring, openOrder, signEvent } from '../../src/security/index.ts';
import type { BlockPort } from '../../src/transfer/index.ts';
import { FakeBus } from './fake-bus.ts';

/** What a test decides about an order: the parts of its receipt that matter to it. */
export type Answer = Partial<Receipt> | 'silence';

export interface DeviceTools {
  readonly blocks: BlockPort;
  readonly signal: AbortSignal;
  readonly say: (event: Record<string, unknown>) => Promise<void>;
}

const ZEROS = new Uint8Array(32);

/** A device as the operator's side meets it: real packets, keys and signatures, behaviour by the test. */
export class FakeDevice {
  readonly name: string;
  readonly key: KeyStore;
  readonly bus: MessageBus;
  /** Order packets that came, and effects: the same packet twice is one effect. */
  packets = 0;
  readonly orders: Order[] = [];
  /** So many packets are lost before one is heard. */
  deafFor = 0;
  answer: (order: Order, tools: DeviceTools) => Promise<Answer> = async () => ({ outcome: 'succeeded' });
  /** Refuses an authentic order at the door. */
  judge: (order: Order) => Pick<Rejected, 'refusal' | 'nonce'> | undefined = () => undefined;
  readonly #tenant: string;
  readonly #keyring: Keyring;
  readonly #clock: Clock;
  readonly #known = new Map<string, Uint8Array | undefined>();
  readonly #handlers = new Map<string, (message: BlockMessage) => void>();
  readonly #life = new AbortController();
  #seq = 0;
  #prev = ZEROS;
  #sealing: Promise<unknown> = Promise.resolve();

  constructor(bus: MessageBus, name: string, key: KeyStore, keyring: Keyring, clock: Clock, tenant = 'test') {
    this.name = name;
    this.key = key;
    this.bus = bus;
    this.#tenant = tenant;
    this.#keyring = keyring;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    const topics = deviceTopics(this.#tenant, this.name);
    this.bus.onMessage(async ({ topic, payload }) => {
      if (topic === topics.cmd) void this.#take(payload);
      else {
        const block = decodeBlock(payload);
        if (block.ok) this.#handlers.get(toHex(block.value.id))?.(block.value);
      }
    });
    await this.bus.subscribe([topics.cmd, topics.blkIn]);
    await this.bus.start();
  }

  /** Power cut: nothing that runs goes on, and nothing more is said. */
  cut(): void {
    this.#life.abort(new Error('power cut'));
    if (this.bus instanceof FakeBus) this.bus.disconnect('power cut');
  }

  async say(event: Record<string, unknown>): Promise<void> {
    const packet = await this.seal(event);
    await this.bus.publish(deviceTopics(this.#tenant, this.name).evt, packet);
  }

  seal(event: Record<string, unknown>): Promise<Uint8Array> {
    const whole = { v: 1, device: this.name, boot: new Uint8Array(16), ...event } as DeviceEvent;
    return signEvent(whole, this.key, this.#tenant);
  }

  async #take(packet: Uint8Array): Promise<void> {
    this.packets += 1;
    if (this.packets <= this.deafFor) return;
    const hash = createHash('sha256').update(packet).digest();
    const opened = openOrder(packet, this.#keyring, { tenant: this.#tenant });
    if (!opened.ok) {
      await this.say({ event: 'rejected', packet: new Uint8Array(hash), refusal: opened.refusal });
      return;
    }
    const { order } = opened.value;
    const refused = this.judge(order);
    if (refused !== undefined) {
      await this.say({ event: 'rejected', packet: new Uint8Array(hash), id: order.id, ...refused });
      return;
    }
    const known = toHex(order.id);
    await this.say({ event: 'accepted', id: order.id });
    if (this.#known.has(known)) {
      const receipt = this.#known.get(known);
      if (receipt !== undefined) await this.#publish(receipt);
      return;
    }
    this.#known.set(known, undefined);
    this.orders.push(order);
    const answer = await this.answer(order, {
      blocks: this.#blocks,
      signal: this.#life.signal,
      say: (e) => this.say(e),
    });
    if (answer === 'silence' || this.#life.signal.aborted) return;
    const receipt = await this.#sealNext(order, new Uint8Array(hash), answer);
    this.#known.set(known, receipt);
    await this.#publish(receipt);
  }

  async #publish(packet: Uint8Array): Promise<void> {
    await this.bus.publish(deviceTopics(this.#tenant, this.name).evt, packet);
  }

  /** One at a time: each carries on the one before. */
  #sealNext(order: Order, hash: Uint8Array, answer: Partial<Receipt>): Promise<Uint8Array> {
    const sealed = this.#sealing.then(async () => {
      const receipt = await this.seal(this.#receipt(order, hash, answer));
      this.#prev = new Uint8Array(createHash('sha256').update(receipt).digest());
      return receipt;
    });
    this.#sealing = sealed.catch(() => undefined);
    return sealed;
  }

  #receipt(order: Order, hash: Uint8Array, answer: Partial<Receipt>): Record<string, unknown> {
    this.#seq += 1;
    return {
      event: 'receipt',
      id: order.id,
      verb: order.verb,
      order: hash,
      issuer: order.iss,
      outcome: 'succeeded',
      power: [{ at: 0, state: 'S5', certain: true }],
      receivedAt: this.#clock.wallSeconds(),
      tookMs: 5,
      seq: this.#seq,
      prev: this.#prev,
      ...answer,
    };
  }

  readonly #blocks: BlockPort = {
    send: (message) => this.bus.publish(deviceTopics(this.#tenant, this.name).blkOut, encodeBlock(message)),
    onMessage: (id, handler) => {
      this.#handlers.set(toHex(id), handler);
      return () => this.#handlers.delete(toHex(id));
    },
  };
}
