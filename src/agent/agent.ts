import { asNsError, type Duration, seconds } from '../base/index.ts';
import type {
  BusMessage,
  Clock,
  Entropy,
  KeyStore,
  LogSink,
  MeasureSink,
  MessageBus,
  Stop,
} from '../ports/index.ts';
import { type DeviceTopics, deviceTopics, groupTopic, type Order } from '../protocol/index.ts';
import type { KeyringView } from '../security/index.ts';
import type { DeviceIdentity, TaskDesk } from '../tasks/index.ts';
import type { BlockPort } from '../transfer/index.ts';
import { BlockRouter } from './block-router.ts';
import { Gossip, type GossipCounts, type TokenBook } from './gossip.ts';
import type { Vitals } from './identity.ts';
import { Intake, type RefusalAudit } from './intake.ts';
import { Outbox } from './outbox.ts';
import { HEARTBEAT, Presence } from './presence.ts';
import { ReceiptCourier } from './receipt-courier.ts';
import { ReplyJitter } from './reply-jitter.ts';

export interface AgentParts {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly keyStore: KeyStore;
  readonly keyring: KeyringView;
  readonly desk: TaskDesk;
  readonly log: LogSink;
  readonly measures?: MeasureSink | undefined;
  readonly identity: DeviceIdentity;
  /** The tokens of the fleet's budget that this device has seen. */
  readonly tokens: TokenBook;
  /** The router given to the transfers as their block port. */
  readonly blocks: BlockRouter;
  readonly vitals: () => Vitals;
  /** A nonce of now, for orders that quote it. */
  readonly giveNonce: () => Uint8Array;
  /** Seconds since 1970, by which the ends of grants are judged for such an order. */
  readonly timeFor: (order: Pick<Order, 'verb'>) => number;
  readonly audit: RefusalAudit;
  readonly heartbeat?: Duration;
  /** The longest that an answer to a group's order may wait. */
  readonly groupJitter?: Duration;
}

const GROUP_JITTER = seconds(2);

/** The way between the bus and the transfers of this device; made before the tasks, which need it. */
export function agentBlocks(bus: MessageBus, identity: DeviceIdentity): BlockRouter & BlockPort {
  return new BlockRouter(bus, deviceTopics(identity.tenant, identity.device).blkOut);
}

/** The front door to MQTT: orders in, events and receipts out. */
export class Agent {
  readonly #parts: AgentParts;
  readonly #topics: DeviceTopics;
  readonly #orderTopics: ReadonlySet<string>;
  readonly #jitter: ReplyJitter;
  readonly #outbox: Outbox;
  readonly #courier: ReceiptCourier;
  readonly #presence: Presence;
  readonly #intake: Intake;
  readonly #gossip: Gossip;
  readonly #stopped = new AbortController();
  readonly #stops: Stop[] = [];

  constructor(parts: AgentParts) {
    const { clock, identity, log } = parts;
    this.#parts = parts;
    this.#topics = deviceTopics(identity.tenant, identity.device);
    this.#orderTopics = new Set([
      this.#topics.cmd,
      ...identity.groups.map((group) => groupTopic(identity.tenant, group)),
    ]);
    this.#jitter = new ReplyJitter(clock, parts.entropy, parts.groupJitter ?? GROUP_JITTER);
    this.#courier = new ReceiptCourier({ ...parts, topic: this.#topics.evt });
    this.#outbox = new Outbox({
      ...parts,
      jitter: this.#jitter,
      topic: this.#topics.evt,
      told: (id) => parts.desk.told(id),
      late: (id, packet) => this.#courier.bring(id, packet),
    });
    this.#presence = new Presence(parts, (event) => this.#outbox.now(event));
    this.#gossip = new Gossip({ ...parts, topic: this.#topics.seen });
    this.#intake = new Intake({
      clock,
      keyring: parts.keyring,
      desk: parts.desk,
      log,
      measures: parts.measures,
      identity,
      outbox: this.#outbox,
      jitter: this.#jitter,
      stopped: this.#stopped.signal,
      standBack: () => parts.blocks.standBack(),
      audit: parts.audit,
      giveNonce: parts.giveNonce,
      timeFor: parts.timeFor,
    });
  }

  /** Counts since the start, for status and logs. */
  get counts(): {
    readonly silenced: number;
    readonly undelivered: number;
    readonly ignoredBlocks: number;
    readonly gossip: GossipCounts;
  } {
    return {
      silenced: this.#intake.silenced,
      undelivered: this.#outbox.undelivered,
      ignoredBlocks: this.#parts.blocks.ignored,
      gossip: this.#gossip.counts,
    };
  }

  /** Begins to listen and to connect; does not wait for the broker, which may be away for long. */
  async start(): Promise<void> {
    const { bus, desk, log } = this.#parts;
    this.#stops.push(desk.onEvent((event) => this.#outbox.taskEvent(event)));
    bus.onMessage((message) => this.#receive(message));
    this.#stops.push(
      bus.onState((state) => {
        if (state.is === 'up') this.#presence.online();
      }),
    );
    await bus.subscribe([...this.#orderTopics, this.#topics.blkIn]);
    await this.#gossip.start();
    this.#courier.start();
    this.#presence.start(this.#parts.heartbeat ?? HEARTBEAT);
    bus.start(this.#stopped.signal).catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) log.log('error', 'bus-failed', { error: asNsError(error).message });
    });
  }

  /** Takes no more orders, lets what was said leave, and says goodbye. */
  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#presence.stop();
    this.#jitter.stop();
    this.#outbox.stop();
    this.#courier.stop();
    this.#gossip.stop();
    this.#presence.offline();
    await this.#outbox.settled();
    await this.#parts.bus.close();
    for (const stop of this.#stops.splice(0)) stop();
    this.#stopped.abort();
  }

  #receive(message: BusMessage): Promise<void> {
    if (this.#orderTopics.has(message.topic)) return this.#intake.receive(message);
    if (message.topic === this.#topics.blkIn && !message.retained)
      this.#parts.blocks.receive(message.payload);
    this.#gossip.receive(message);
    // Anything else was never asked for: a broker that sends it wants nothing that we could give.
    return Promise.resolve();
  }
}
