import type { Test } from 'tap';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { Agent, agentBlocks } from '../../src/agent/index.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { KeyStore, LogSink } from '../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics, groupTopic, type Order } from '../../src/protocol/index.ts';
import { openEvent, signOrder } from '../../src/security/index.ts';
import type { DeviceIdentity } from '../../src/tasks/index.ts';
import { FakeBroker, type FakeBus } from './fake-bus.ts';
import { FakeDesk } from './fake-desk.ts';
import { testKey, testKeyring } from './keys.ts';
import { testOrder } from './orders.ts';
import { emptyBook } from './token-book.ts';

export const TENANT = 'acme';

/** An agent "host1" in groups "rack1" and "all", on a broker in memory, with a desk that takes everything. */
export class AgentRig {
  readonly clock = new VirtualClock();
  readonly broker = new FakeBroker();
  readonly desk = new FakeDesk();
  readonly operator = testKey();
  readonly auditor = testKey();
  readonly auditor2 = testKey();
  readonly officer = testKey();
  readonly officer2 = testKey();
  readonly deviceKey = testKey();
  readonly nonces: Uint8Array[] = [];
  readonly logged: string[] = [];
  readonly audited: string[] = [];
  readonly identity: DeviceIdentity = {
    tenant: TENANT,
    device: 'host1',
    groups: ['rack1', 'all'],
    board: 'sim-host',
    version: '0.0.0',
    boot: new Uint8Array(16).fill(7),
  };
  readonly topics = deviceTopics(TENANT, 'host1');
  readonly groupTopic = groupTopic(TENANT, 'rack1');
  readonly bus: FakeBus = this.broker.bus('host1');
  readonly blocks = agentBlocks(this.bus, this.identity);
  readonly agent: Agent;
  readonly log: LogSink = { log: (_level, event) => void this.logged.push(event) };

  constructor() {
    this.agent = new Agent({
      audit: (event, detail) => void this.audited.push(`${event} ${detail}`),
      bus: this.bus,
      clock: this.clock,
      entropy: new SeededEntropy(1),
      keyStore: this.deviceKey,
      keyring: testKeyring({
        olga: [this.operator, 'operator'],
        ada: [this.auditor, 'auditor'],
        abe: [this.auditor2, 'auditor'],
        sam: [this.officer, 'security'],
        tess: [this.officer2, 'security'],
      }),
      desk: this.desk,
      log: this.log,
      identity: this.identity,
      blocks: this.blocks,
      tokens: emptyBook,
      vitals: () => ({ power: 'S5', lock: 'enabled' }),
      giveNonce: () => {
        const nonce = new Uint8Array(16).fill(this.nonces.length + 1);
        this.nonces.push(nonce);
        return nonce;
      },
      timeFor: () => this.clock.wallSeconds(),
    });
  }

  order(change: Record<string, unknown> = {}, key: KeyStore = this.operator): Promise<Uint8Array> {
    return signOrder(testOrder(key, change), key, TENANT);
  }

  orderOf(change: Record<string, unknown> = {}): Order {
    return testOrder(this.operator, change);
  }

  send(payload: Uint8Array, options: { readonly topic?: string; readonly retained?: boolean } = {}): void {
    this.broker.publish({
      topic: options.topic ?? this.topics.cmd,
      payload,
      retained: options.retained ?? false,
    });
  }

  /** What the agent has said on its event topic, verified. */
  events(): DeviceEvent[] {
    return this.broker.published
      .filter((message) => message.topic === this.topics.evt)
      .map((message) => {
        const opened = openEvent(message.payload, this.deviceKey.publicKey, { tenant: TENANT });
        if (!opened.ok) throw new Error(opened.refusal.sentence);
        return opened.value;
      });
  }

  said<E extends DeviceEvent['event']>(event: E): (DeviceEvent & { event: E })[] {
    return this.events().filter((said): said is DeviceEvent & { event: E } => said.event === event);
  }
}

/** A rig whose agent runs until the test ends. */
export async function started(t: Test): Promise<AgentRig> {
  const rig = new AgentRig();
  await rig.agent.start();
  await settle(rig);
  t.teardown(() => rig.agent.stop());
  return rig;
}

/** Lets everything that is due happen. */
export const settle = (rig: AgentRig): Promise<void> => rig.clock.advance(milliseconds(0));
