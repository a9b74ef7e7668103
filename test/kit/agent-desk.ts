import { systemEntropy } from '../../src/adapters/entropy.ts';
import type { MqttBusOptions } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import {
  Fleet,
  type FleetOptions,
  type GetOutcome,
  type PutOutcome,
  type TransferOptions,
} from '../../src/fleet/index.ts';
import type { Clock, KeyStore, LogSink, MessageBus } from '../../src/ports/index.ts';
import type { BoardParts } from '../../src/programs/agent/board.ts';
import type { AgentConfig } from '../../src/programs/agent/config.ts';
import { type Device, type Surroundings, startDevice } from '../../src/programs/agent/device.ts';
import { openDeviceKey } from '../../src/programs/agent/parts.ts';
import {
  type ArgsOf,
  type DeviceEvent,
  deviceTopics,
  type Order,
  type Verb,
} from '../../src/protocol/index.ts';
import { signOrder } from '../../src/security/index.ts';
import {
  type Ended,
  endOf,
  type GetOptions,
  type GiveOptions,
  type Got,
  type PutOptions,
  type Tokens,
} from './ended.ts';
import { eventsOn } from './events-on.ts';
import { FakeBroker, type FakeBus } from './fake-bus.ts';
import { MemorySink, memorySource } from './fleet-bench.ts';
import { TestGovernor } from './governor.ts';
import { testKey, testKeyring } from './keys.ts';

const TENANT = 'acme';
const DEVICE = 'host1';

let counter = 0;

/** The whole agent beside some board, and an operator who gives it orders, over a broker in memory. */
export class AgentDesk {
  readonly broker = new FakeBroker();
  readonly operator = testKey();
  readonly officer = testKey();
  readonly officer2 = testKey();
  /** Signs with the operator what takes two. */
  readonly operator2 = testKey();
  /** Signs a token for each destructive order. */
  readonly governor = new TestGovernor(TENANT);
  readonly lines: string[] = [];
  /** Takes the same lines with their fields. */
  onLog: LogSink['log'] | undefined;
  /** Gives the orders of this operator their traces. */
  tracer: FleetOptions['tracer'];
  /** The console's line, where the configuration has one. */
  openLine: Surroundings['openLine'];
  /** What the device's wall clock says; the right time by default. */
  wallSeconds: () => number = () => this.clock.wallSeconds();
  /** The device's and the operator's; the operating system's by default. */
  clock: Clock = systemClock;
  /** The agent's own storage. */
  readonly state: string;
  /** With what the agent connects, as it would read it now. */
  credentials: MqttBusOptions['credentials'];
  #bus: FakeBus | undefined;
  #device: Device | undefined;
  #deviceKey: KeyStore | undefined;
  #fleets = 0;

  constructor(state: string) {
    this.state = state;
  }

  get device(): KeyStore {
    if (this.#deviceKey === undefined) throw new Error('not started');
    return this.#deviceKey;
  }

  /** The agent's connection. */
  get bus(): FakeBus {
    if (this.#bus === undefined) throw new Error('not started');
    return this.#bus;
  }

  /** Starts the agent on the state directory that is there. */
  async bootAgent(
    config: Pick<AgentConfig, 'base' | 'protectedPaths' | 'limits'> & Partial<AgentConfig>,
    openBoard: (log: LogSink) => Promise<BoardParts>,
    openBus?: (log: LogSink) => MessageBus,
  ): Promise<void> {
    this.#deviceKey = await openDeviceKey(this.state);
    const log: LogSink = {
      log: (level, event, fields) => {
        this.lines.push(`${level} ${event}`);
        this.onLog?.(level, event, fields);
      },
    };
    const whole: AgentConfig = {
      device: DEVICE,
      tenant: TENANT,
      groups: ['rack1'],
      broker: { url: 'mqtt://127.0.0.1:1' },
      state: this.state,
      keyring: testKeyring({
        olga: [this.operator, 'operator'],
        sam: [this.officer, 'security'],
        tess: [this.officer2, 'security'],
        otto: [this.operator2, 'operator'],
        gov: [this.governor.key, 'governor'],
      }),
      heartbeatSeconds: 60,
      log: 'silent',
      ...config,
    };
    this.#device = await startDevice('sim-host', whole, log, {
      openBoard: () => openBoard(log),
      clock: {
        monotonic: () => this.clock.monotonic(),
        wallSeconds: () => this.wallSeconds(),
        sleep: (duration, signal) => this.clock.sleep(duration, signal),
        deadline: (duration, what) => this.clock.deadline(duration, what),
        after: (duration, done) => this.clock.after(duration, done),
        every: (interval, tick) => this.clock.every(interval, tick),
      },
      openBus: ({ credentials }) => {
        this.credentials = credentials;
        if (openBus !== undefined) return openBus(log);
        this.#bus = this.broker.bus(`ns-${DEVICE}`);
        return this.#bus;
      },
      ...(this.openLine === undefined ? {} : { openLine: this.openLine }),
    });
  }

  async stop(): Promise<void> {
    await this.#device?.stop();
    this.#device = undefined;
  }

  /** A program of the operator's, or of somebody else's. */
  async fleet(
    key: KeyStore = this.operator,
    cosigners: readonly KeyStore[] = [this.#other(key)],
    tokens: Tokens = (order) => this.governor.tokenFor(order),
    grants?: readonly Uint8Array[],
  ): Promise<Fleet> {
    this.#fleets += 1;
    const fleet = new Fleet({
      bus: this.broker.bus(`operator-${this.#fleets}`),
      tenant: TENANT,
      key,
      cosigners,
      tokens,
      tracer: this.tracer,
      ...(grants === undefined ? {} : { grants }),
      counter: { next: async () => ++counter },
      devices: new Map([[DEVICE, this.device.publicKey]]),
      clock: this.clock,
      entropy: systemEntropy,
    });
    await fleet.connect();
    return fleet;
  }

  /** Another person of the same role. */
  #other(key: KeyStore): KeyStore {
    if (key === this.operator) return this.operator2;
    if (key === this.operator2) return this.operator;
    return key === this.officer2 ? this.officer : this.officer2;
  }

  /**
   * Gives an order and waits for its end. One for two people is signed by another of the same role too, and a
   * destructive one brings a token.
   */
  async give<V extends Verb>(verb: V, args: ArgsOf<V>, options: GiveOptions = {}): Promise<Ended<V>> {
    const fleet = await this.fleet(options.key, options.cosigners, options.tokens, options.grants);
    try {
      const order = await fleet.order(DEVICE, verb, args, {
        signal: new AbortController().signal,
        ...(options.effect === undefined ? {} : { effect: options.effect }),
      });
      return endOf(await order.outcome);
    } finally {
      await fleet.close();
    }
  }

  async put(path: string, content: Uint8Array, options: PutOptions = {}): Promise<Ended<'file.download'>> {
    const { onEvent, onProgress, effect, tokens, ...args } = options;
    const fleet = await this.fleet(undefined, undefined, tokens);
    try {
      const put: PutOutcome = await fleet.put(DEVICE, { path, ...args }, memorySource(content), {
        signal: new AbortController().signal,
        ...(onEvent === undefined ? {} : { onEvent }),
        ...(onProgress === undefined ? {} : { onProgress }),
        ...(effect === undefined ? {} : { effect }),
      });
      return endOf(put.outcome);
    } finally {
      await fleet.close();
    }
  }

  /** Offers the host an image for its next start. */
  async offer(
    content: Uint8Array,
    {
      dryRun,
      tokens,
      cosigners,
    }: Pick<GiveOptions, 'tokens' | 'cosigners'> & { readonly dryRun?: true } = {},
  ): Promise<Ended<'media.offer'>> {
    const fleet = await this.fleet(undefined, cosigners, tokens);
    try {
      const { outcome } = await fleet.offer(DEVICE, dryRun ? { dryRun } : {}, memorySource(content), {
        signal: new AbortController().signal,
      });
      return endOf(outcome);
    } finally {
      await fleet.close();
    }
  }

  /** Updates the agent's own firmware. */
  async update(
    manifest: Uint8Array,
    content: Uint8Array,
    key: KeyStore = this.operator,
    onProgress?: TransferOptions['onProgress'],
  ): Promise<Ended<'agent.update'>> {
    const fleet = await this.fleet(key);
    try {
      const { outcome } = await fleet.update(DEVICE, { manifest }, memorySource(content), {
        signal: new AbortController().signal,
        ...(onProgress === undefined ? {} : { onProgress }),
      });
      return endOf(outcome);
    } finally {
      await fleet.close();
    }
  }

  /** Resolves where the agent asks for its board to start anew, with why. */
  get restartAsked(): Promise<string> {
    return this.#device?.restart ?? Promise.reject(new Error('not started'));
  }

  async get(path: string, options: GetOptions = {}): Promise<Got> {
    const { sink = new MemorySink(), onEvent, onProgress, ...args } = options;
    const fleet = await this.fleet();
    try {
      const got: GetOutcome = await fleet.get(DEVICE, { path, ...args }, sink, {
        signal: new AbortController().signal,
        ...(onEvent === undefined ? {} : { onEvent }),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
      return { ...endOf(got.outcome), sink, fault: got.fault?.code, resumedAt: got.file?.resumedAt };
    } finally {
      await fleet.close();
    }
  }

  /** An order as signed, with these fields changed. */
  async packet(change: Record<string, unknown> = {}, key: KeyStore = this.operator): Promise<Uint8Array> {
    counter += 1;
    const order = {
      v: 1,
      id: systemEntropy.randomBytes(16),
      aud: { to: 'device', name: DEVICE },
      verb: 'machine.status',
      args: {},
      iss: key.publicKey.keyId,
      ctr: counter,
      exp: this.clock.wallSeconds() + 600,
      ...change,
    };
    const { token: given, ...body } = order as Order;
    const token = 'token' in change ? given : await this.governor.tokenFor(order as Order);
    const whole = { ...body, ...(token === undefined ? {} : { token }) };
    return signOrder(whole as Order, key, TENANT, [this.#other(key)]);
  }

  /** Puts a packet on the device's order topic, as the broker or anybody on it can. */
  send(payload: Uint8Array, retained = false): void {
    this.broker.publish({ topic: deviceTopics(TENANT, DEVICE).cmd, payload, retained });
  }

  /** What the device has said, verified. */
  events(): DeviceEvent[] {
    return eventsOn(this.broker, { tenant: TENANT, device: DEVICE }, this.device.publicKey);
  }

  said<E extends DeviceEvent['event']>(event: E): (DeviceEvent & { event: E })[] {
    return this.events().filter((said): said is DeviceEvent & { event: E } => said.event === event);
  }
}
