import { asNsError, hasCode, NsError, seconds } from '../../base/index.ts';
import type { BusMessage, Clock, LogSink, MessageBus } from '../../ports/index.ts';
import { deviceTopics, LIMITS, seenFilter } from '../../protocol/index.ts';
import { ANY_GATEWAY, type Envelope } from '../../sata-chain/index.ts';
import { MOST_DEVICES } from './gateway-limits.ts';
import { SeenPass } from './seen-pass.ts';
import type { RelayPart } from './shared-relay.ts';

export interface RelayGatewayParts {
  /** A connection of its own, whose session the broker keeps: the neighbours' orders wait there. Not started yet. */
  readonly bus: MessageBus;
  readonly node: RelayPart;
  readonly tenant: string;
  /** The neighbours that it stands for; at most eight on one connection. */
  readonly devices: readonly string[];
  readonly clock: Clock;
  readonly log: LogSink;
}

const FULL_PAUSE = seconds(2);

/**
 * Stands at the broker for neighbours whose own network is dead: hears their orders and says their events, and passes both
 * ways what devices tell each other of tokens. It cannot read more than the broker can, and cannot give an order: both ends
 * check signatures, and it has no key of either.
 */
export class RelayGateway {
  readonly #parts: RelayGatewayParts;
  readonly #orders = new Map<string, string>();
  readonly #events = new Map<string, string>();
  readonly #seen: SeenPass;
  readonly #closing = new AbortController();

  constructor(parts: RelayGatewayParts) {
    const { devices, tenant } = parts;
    if (devices.length > MOST_DEVICES) {
      const sentence = `a gateway stands for at most ${MOST_DEVICES} devices on one connection`;
      throw new NsError('NS_RELAY_INVALID', sentence, { family: 'caller' });
    }
    this.#parts = parts;
    this.#seen = new SeenPass(parts);
    for (const device of devices) {
      const { cmd, evt } = deviceTopics(tenant, device);
      this.#orders.set(cmd, device);
      this.#events.set(device, evt);
    }
  }

  /** Begins to listen at both sides; does not wait for the broker. */
  async start(): Promise<void> {
    const { bus, node, log } = this.#parts;
    bus.onMessage((message) => this.#receive(message));
    await bus.subscribe([...this.#orders.keys()]);
    await bus.subscribe([seenFilter(this.#parts.tenant)], { transient: true });
    node.start((envelope) => this.#event(envelope));
    bus.start(this.#closing.signal).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) {
        log.log('error', 'relay-bus-failed', { error: asNsError(error).message });
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort('closed');
    await this.#parts.bus.close();
    await this.#parts.node.close();
  }

  async #receive(message: BusMessage): Promise<void> {
    if (this.#orders.has(message.topic)) await this.#order(message);
    else this.#seen.fromBroker(message);
  }

  /** The broker may forget the order when own storage has it. While there is no room there, the broker keeps the next. */
  async #order({ topic, payload, retained }: BusMessage): Promise<void> {
    const { node, clock, log } = this.#parts;
    const device = this.#orders.get(topic);
    if (device === undefined) return;
    if (retained || payload.byteLength > LIMITS.order) {
      log.log('warn', 'relay-order-refused', { device, retained, bytes: payload.byteLength });
      return;
    }
    for (;;) {
      try {
        await node.send('order', device, payload, 'stored');
        return;
      } catch (error) {
        if (!hasCode(error, 'NS_RELAY_FULL')) throw error;
      }
      await clock.sleep(FULL_PAUSE, this.#closing.signal);
    }
  }

  async #event(envelope: Envelope): Promise<void> {
    const { kind, from, to, packet } = envelope;
    const { bus, log } = this.#parts;
    const topic = this.#events.get(from);
    if (kind === 'seen' && topic !== undefined) {
      // What is for this unit itself came from the broker: said there again it would go round.
      if (to === ANY_GATEWAY) this.#seen.fromNeighbour(envelope);
      return;
    }
    if (kind !== 'event' || topic === undefined) {
      log.log('warn', 'relay-event-refused', { from, kind });
      return;
    }
    await bus.publish(topic, packet);
  }
}
