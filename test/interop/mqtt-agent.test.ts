import { type AddressInfo, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus, type MqttBusOptions } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Agent, agentBlocks, offlineWill } from '../../src/agent/index.ts';
import { hours, milliseconds, seconds, utf8 } from '../../src/base/index.ts';
import type { BusState } from '../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics } from '../../src/protocol/index.ts';
import { openEvent, signOrder } from '../../src/security/index.ts';
import type { DeviceIdentity } from '../../src/tasks/index.ts';
import { eventually } from '../kit/eventually.ts';
import { FakeDesk } from '../kit/fake-desk.ts';
import { testKey, testKeyring } from '../kit/keys.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { testOrder } from '../kit/orders.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';

const TENANT = 'acme';
const identity: DeviceIdentity = {
  tenant: TENANT,
  device: 'host1',
  groups: [],
  board: 'sim-host',
  version: '0.0.0',
  boot: new Uint8Array(16).fill(9),
};
const topics = deviceTopics(TENANT, 'host1');
const operator = testKey();
const deviceKey = testKey();
const vitals = () => ({ power: 'S5', lock: 'enabled' }) as const;

function bus(url: string, clientId: string, more: Partial<MqttBusOptions> = {}): MqttBus {
  const backoff = { first: milliseconds(20), longest: milliseconds(200) };
  return new MqttBus({ broker: { url }, clientId, backoff, ...more }, systemClock, systemEntropy, silentLog);
}

/** An agent on this broker, and an operator's ear for what it says. */
async function rig(t: Test, agentUrl: string, fleetUrl: string) {
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
    vitals,
    noteNonce: () => {},
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

const send = async (fleet: MqttBus, packet: Uint8Array) => fleet.publish(topics.cmd, packet);
const order = () => signOrder(testOrder(operator), operator, TENANT);

await t.test('an order is acknowledged to mosquitto only after the journal has it', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { desk, fleet, said } = await rig(t, proxy.url, broker.url);
  desk.answer = () => new Promise(() => {});
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  desk.answer = undefined;
  proxy.cut();
  await eventually(() => desk.submitted.length === 2);
  t.same(desk.submitted[0]?.packetHash, desk.submitted[1]?.packetHash);
  await eventually(() => said('accepted').length === 1);
  proxy.cut();
  await eventually(
    () => said('presence').filter((event) => 'state' in event && event.state === 'online').length === 3,
  );
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 3);
  t.not(
    desk.submitted[2]?.packetHash,
    desk.submitted[1]?.packetHash,
    'acknowledged, so it did not come again',
  );
});

await t.test('the will says offline when the socket dies, and nothing does so after a goodbye', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { said, agent } = await rig(t, proxy.url, broker.url);
  const offline = () => said('presence').filter((event) => 'state' in event && event.state === 'offline');
  proxy.open(false);
  proxy.cut();
  await eventually(() => offline().length === 1);
  t.match(offline()[0], { boot: identity.boot, device: 'host1' });
  proxy.open(true);
  await eventually(() => said('presence').length === 3);
  await agent.stop();
  await eventually(() => offline().length === 2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.equal(offline().length, 2, 'said once by the agent, not again by the broker');
});

await t.test('a broker that restarts loses neither orders nor receipts', async (t) => {
  const broker = await startMosquitto({ persistence: true });
  t.teardown(() => broker.close());
  const { desk, fleet, said, states } = await rig(t, broker.url, broker.url);
  await broker.stop();
  await eventually(() => states.at(-1)?.is === 'down');
  const sent = Promise.all([send(fleet, await order()), send(fleet, await order())]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await broker.start();
  await sent;
  await eventually(() => desk.submitted.length === 2);
  await eventually(() => said('accepted').length === 2);
  t.equal(states.at(-1)?.is, 'up');
});

await t.test('a retained order waiting at the broker is refused', async (t) => {
  const broker = await startMosquitto();
  t.teardown(() => broker.close());
  const planter = bus(broker.url, 'planter');
  await planter.start();
  await planter.publish(topics.cmd, await order(), { retain: true });
  await planter.close();
  const { desk, said } = await rig(t, broker.url, broker.url);
  await eventually(() => said('rejected').length === 1);
  t.match(said('rejected'), [{ refusal: { code: 'RETAINED' } }]);
  t.same(desk.submitted, []);
});

await t.test('10,000 packets of junk cost no memory, and an order behind them gets through', async (t) => {
  const broker = await startMosquitto({ extra: ['max_queued_messages 0'] });
  t.teardown(() => broker.close());
  const { agent, desk, fleet, said } = await rig(t, broker.url, broker.url);
  const junk = async (count: number) => {
    for (let i = 0; i < count; i += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, j) =>
          fleet.publish(topics.cmd, systemEntropy.randomBytes((i + j) % 2000)),
        ),
      );
    }
  };
  await junk(2000);
  await eventually(() => agent.counts.silenced + said('rejected').length === 2000);
  const before = process.memoryUsage().rss;
  await junk(8000);
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  t.equal(agent.counts.silenced + agent.counts.undelivered + said('rejected').length, 10_000);
  t.ok(process.memoryUsage().rss - before < 48 * 1024 * 1024, 'no growth worth speaking of');
  t.ok(said('rejected').length < 1000);
});

await t.test(
  'an oversize order is refused over 3.1.1, and one that is far too large does not stop the next',
  async (t) => {
    const broker = await startEmbeddedBroker();
    t.teardown(() => broker.close());
    const { desk, fleet, said, states } = await rig(t, broker.url, broker.url);
    t.match(states, [{ is: 'up', protocol: '3.1.1' }]);
    await send(fleet, new Uint8Array(500_000));
    await eventually(() => said('rejected').length === 1);
    t.match(said('rejected'), [{ refusal: { code: 'PACKET_TOO_LARGE' } }]);
    await send(fleet, new Uint8Array(3_000_000));
    await eventually(() => states.some((state) => state.is === 'down'));
    await eventually(async () => {
      await send(fleet, await order());
      await new Promise((resolve) => setTimeout(resolve, 50));
      return desk.submitted.length > 0;
    });
    t.ok(desk.submitted.length > 0);
  },
);

await t.test('mosquitto keeps to itself what is larger than we said we take', async (t) => {
  const broker = await startMosquitto();
  t.teardown(() => broker.close());
  const { desk, fleet, states } = await rig(t, broker.url, broker.url);
  await send(fleet, new Uint8Array(500_000));
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  t.match(states, [{ is: 'up', protocol: '5' }]);
});

await t.test('a broker that closes on MQTT 5 without a word is spoken to in 3.1.1', async (t) => {
  const broker = await startMosquitto();
  const level = (first: Buffer) => first[first.indexOf('MQTT') + 4];
  const proxy = await startTcpProxy(broker.port, { admits: (first) => level(first) === 4 });
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { desk, fleet, states } = await rig(t, proxy.url, broker.url);
  t.match(states, [{ is: 'up', protocol: '3.1.1' }]);
  t.equal(proxy.connections(), 2);
  await send(fleet, utf8('x'));
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  proxy.cut();
  await eventually(() => states.length === 3);
  t.equal(proxy.connections(), 3, 'remembered');
});

await t.test('a broker that is away is tried again and again, never all at once', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { states } = await rig(t, proxy.url, broker.url);
  proxy.open(false);
  proxy.cut();
  const from = proxy.connections();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const tries = proxy.connections() - from;
  t.ok(tries >= 3 && tries < 100, `${tries} tries`);
  proxy.open(true);
  await eventually(() => states.at(-1)?.is === 'up');
});

await t.test('an hour without a broker: tried ever more rarely, and nothing lasting is lost', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  proxy.open(false);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const clock = new VirtualClock();
  const away = new MqttBus({ broker: { url: proxy.url }, clientId: 'away' }, clock, systemEntropy, silentLog);
  const start = away.start();
  const sent = Promise.all(Array.from({ length: 100 }, (_, i) => away.publish('kept', Uint8Array.of(i))));
  while (clock.monotonic() < hours(1)) {
    await eventually(() => clock.waiting > 0);
    await clock.advance(seconds(1));
  }
  const tries = proxy.connections();
  t.ok(tries > 60 && tries < 240, `${tries} tries`);
  const ear = bus(broker.url, 'ear');
  const heard: number[] = [];
  ear.onMessage(async ({ payload }) => void heard.push(payload[0]!));
  await ear.subscribe(['kept']);
  await ear.start();
  proxy.open(true);
  await eventually(async () => {
    await clock.advance(seconds(5));
    return heard.length === 100;
  });
  await Promise.all([start, sent]);
  t.same(
    heard,
    Array.from({ length: 100 }, (_, i) => i),
  );
  await Promise.all([away.close(), ear.close()]);
});

await t.test('a broker that talks nonsense is left, and tried again', async (t) => {
  const connack5 = Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00]);
  const qos2 = Buffer.from([0x34, 0x08, 0x00, 0x01, 0x78, 0x00, 0x01, 0x00, 0x61, 0x62]);
  const nonsense = [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.concat([connack5, connack5]),
    Buffer.concat([connack5, qos2]),
    Buffer.concat([connack5, Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])]),
    Buffer.concat([connack5, Buffer.from(systemEntropy.randomBytes(500))]),
  ];
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.write(nonsense[count++ % nonsense.length]!));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const options = {
    connectTimeout: milliseconds(300),
    backoff: { first: milliseconds(5), longest: milliseconds(10) },
  };
  const victim = bus(`mqtt://127.0.0.1:${port}`, 'victim', options);
  let handled = 0;
  victim.onMessage(async () => {
    handled += 1;
  });
  const start = victim.start().catch(() => undefined);
  await eventually(() => count > 2 * nonsense.length);
  await victim.close();
  await start;
  await new Promise((resolve) => server.close(resolve));
  t.ok(handled <= count);
});

await t.test(
  'a short-lived client hears what came while its connection was broken, and nothing from before',
  async (t) => {
    const broker = await startMosquitto();
    const proxy = await startTcpProxy(broker.port);
    t.teardown(async () => {
      await proxy.close();
      await broker.close();
    });
    const from = bus(broker.url, 'from');
    await from.start();
    const run = async (said: string): Promise<void> => {
      const brief = bus(proxy.url, 'brief', { cleanSession: true });
      const heard: string[] = [];
      const states: BusState[] = [];
      brief.onMessage(async ({ payload }) => void heard.push(Buffer.from(payload).toString()));
      brief.onState((state) => states.push(state));
      await brief.subscribe(['evt']);
      await brief.start();
      proxy.open(false);
      proxy.cut();
      await eventually(() => states.at(-1)?.is === 'down');
      await from.publish('evt', utf8(said));
      proxy.open(true);
      await eventually(() => heard.length > 0);
      await brief.close();
      await from.publish('evt', utf8('nobody listens'));
      t.same(heard, [said]);
    };
    await run('first');
    await run('second');
    await from.close();
  },
);
