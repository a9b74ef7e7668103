import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MiB } from '../../src/base/index.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { bus, identity, mqttRig, order, send, topics } from '../kit/mqtt-rig.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';

await t.test('an order is acknowledged to mosquitto only after the journal has it', async (t) => {
  const broker = await startMosquitto();
  const proxy = await startTcpProxy(broker.port);
  t.teardown(async () => {
    await proxy.close();
    await broker.close();
  });
  const { desk, fleet, said } = await mqttRig(t, proxy.url, broker.url);
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
  const { said, agent } = await mqttRig(t, proxy.url, broker.url);
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
  const { desk, fleet, said, states } = await mqttRig(t, broker.url, broker.url);
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
  const { desk, said } = await mqttRig(t, broker.url, broker.url);
  await eventually(() => said('rejected').length === 1);
  t.match(said('rejected'), [{ refusal: { code: 'RETAINED' } }]);
  t.same(desk.submitted, []);
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of objects and buffers that something still holds on to. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

await t.test('10,000 packets of junk cost no memory, and an order behind them gets through', async (t) => {
  const broker = await startMosquitto({ extra: ['max_queued_messages 0'] });
  t.teardown(() => broker.close());
  const { agent, desk, fleet, said } = await mqttRig(t, broker.url, broker.url);
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
  const before = held();
  await junk(8000);
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  t.equal(agent.counts.silenced + agent.counts.undelivered + said('rejected').length, 10_000);
  const grown = held() - before;
  t.ok(grown < 48 * MiB, `grown by ${grown} bytes`);
  // What is only on its way out goes with the next turns of the loop; what is kept stays.
  await eventually(() => held() - before < 4 * MiB);
  t.ok(said('rejected').length < 1000);
});

await t.test(
  'an oversize order is refused over 3.1.1, and one that is far too large does not stop the next',
  async (t) => {
    const broker = await startEmbeddedBroker();
    t.teardown(() => broker.close());
    const { desk, fleet, said, states } = await mqttRig(t, broker.url, broker.url);
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
  const { desk, fleet, states } = await mqttRig(t, broker.url, broker.url);
  await send(fleet, new Uint8Array(500_000));
  await send(fleet, await order());
  await eventually(() => desk.submitted.length === 1);
  t.match(states, [{ is: 'up', protocol: '5' }]);
});
