import type { Test } from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus, type MqttBusOptions } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Agent, agentBlocks, offlineWill } from '../../src/agent/index.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { BusState } from '../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics } from '../../src/protocol/index.ts';
import { openEvent, signOrder } from '../../src/security/index.ts';
import type { DeviceIdentity } from '../../src/tasks/index.ts';
import { eventually } from './eventually.ts';
import { FakeDesk } from './fake-desk.ts';
import { testKey, testKeyring } from './keys.ts';
import { testOrder } from './orders.ts';
import { emptyBook } from './token-book.ts';

const TENANT = 'acme';
export const identity: DeviceIdentity = {
  tenant: TENANT,
  device: 'host1',
  groups: [],
  board: 'sim-host',
  version: '0.0.0',
  boot: new Uint8Array(16).fill(9),
};
export const topics = deviceTopics(TENANT, 'host1');
const operator = testKey();
const deviceKey = testKey();
const vitals = () => ({ power: 'S5', lock: 'enabled' }) as const;

/** A bus that is quick to try again. */
export function bus(url: string, clientId: string, more: Partial<MqttBusOptions> = {}): MqttBus {
  const backoff = { first: milliseconds(20), longest: milliseconds(200) };
  return new MqttBus({ broker: { url }, clientId, backoff, ...more }, systemClock, systemEntropy, silentLog);
}

/** An agent on this broker, and an operator's ear for what it says. */
export async function mqttRig(t: Test, agentUrl: string, fleetUrl: string) {
  const desk = new FakeDesk();
  const agentBus = bus(agentUrl, 'host1', {
    will: () => offlineWill({ clock: systemClock, identity, vitals }, deviceKey),
  });
  const agent = new Agent({
    audit: () => {},
    bus: agentBus,
    clock: systemClock,
    entropy: systemEntropy,
    keyStore: deviceKey,
    keyring: testKeyring({ olga: [operator, 'operator'] }),
    desk,
    log: silentLog,
    identity,
    blocks: agentBlocks(agentBus, identity),
    tokens: emptyBook,
    vitals,
    giveNonce: () => new Uint8Array(16),
    timeFor: () => systemClock.wallSeconds(),
  });
  const states: BusState[] = [];
  agentBus.onState((state) => states.push(state));
  const fleet = bus(fleetUrl, 'fleet');
  const events: DeviceEvent[] = [];
  fleet.onMessage(async ({ payload }) => {
    const opened = openEvent(payload, deviceKey.publicKey, { tenant: TENANT });
    if (opened.ok) events.push(opened.value);
  });
  await fleet.subscribe([topics.evt]);
  await fleet.start();
  await agent.start();
  t.teardown(async () => {
    await agent.stop();
    await fleet.close();
  });
  const said = (event: DeviceEvent['event']) => events.filter((candidate) => candidate.event === event);
  await eventually(() => said('presence').length > 0);
  return { agent, desk, fleet, events, said, states };
}

export const send = async (fleet: MqttBus, packet: Uint8Array) => fleet.publish(topics.cmd, packet);
export const order = () => signOrder(testOrder(operator), operator, TENANT);
