import t, { type Test } from 'tap';
import { RelayBus } from '../../src/adapters/chain-link/relay-bus.ts';
import { RelayGateway } from '../../src/adapters/chain-link/relay-gateway.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { Agent, agentBlocks } from '../../src/agent/index.ts';
import { minutes, seconds, utf8 } from '../../src/base/index.ts';
import { deviceTopics, encodeSeen } from '../../src/protocol/index.ts';
import { ANY_GATEWAY } from '../../src/sata-chain/index.ts';
import type { Budget } from '../../src/security/index.ts';
import { FakeDesk } from '../kit/fake-desk.ts';
import { GossipTown, TENANT } from '../kit/gossip-town.ts';
import { testKey } from '../kit/keys.ts';
import { testOrder } from '../kit/orders.ts';
import { RelayNet } from '../kit/relay-net.ts';

const officers = [
  { name: 'sam', person: 'sam' },
  { name: 'tess', person: 'tess' },
];

/** What a device makes of an order to disable it with this token. */
function judged(budget: Budget, device: string, token: Uint8Array): string {
  const change = { verb: 'machine.disable', args: {}, token, aud: { to: 'device', name: device } };
  const verdict = budget.judge(testOrder(testKey(), change), officers);
  return verdict.ok ? 'taken' : verdict.refusal.code;
}

await t.test('two agents that were given one number refuse the next, over the broker', async (t) => {
  const town = new GossipTown();
  const agents = await Promise.all(
    ['one', 'two'].map(async (device) => {
      const bus = town.broker.bus(device);
      const budget = await town.budget(device);
      const identity = {
        tenant: TENANT,
        device,
        groups: [],
        board: 'sim-host',
        version: '0',
        boot: new Uint8Array(16),
      };
      const agent = new Agent({
        audit: () => undefined,
        bus,
        clock: town.clock,
        entropy: new SeededEntropy(device.length),
        keyStore: testKey(),
        keyring: town.keyring,
        desk: new FakeDesk(),
        log: silentLog,
        identity,
        blocks: agentBlocks(bus, identity),
        tokens: budget,
        vitals: () => ({ power: 'S5', lock: 'enabled' }),
        giveNonce: () => new Uint8Array(16),
        timeFor: () => 0,
      });
      await agent.start();
      t.teardown(() => agent.stop());
      return { device, agent, budget };
    }),
  );
  await town.pass(minutes(2));
  for (const { device, budget } of agents) {
    t.equal(judged(budget, device, await town.token(device, 4)), 'taken', 'either alone is good');
    await budget.hear(await town.token(device, 4));
  }
  await town.pass(seconds(30));
  for (const { device, agent, budget } of agents) {
    t.equal(judged(budget, device, await town.token(device, 5)), 'BUDGET_FORKED', device);
    t.match(agent.counts.gossip, { news: 1, refused: 0, dropped: 0 });
  }
});

/** A gateway with a network, and its neighbour in the chain that has none; a third device at the broker. */
async function chain(t: Test, links: { readonly devices?: readonly string[] } = {}) {
  const town = new GossipTown();
  const net = new RelayNet({ units: 2, cables: [[0, 1]], gateways: [0] });
  const node = await net.node(1);
  const bus = new RelayBus(async () => node, TENANT, 'unit1');
  const gateway = new RelayGateway({
    bus: town.broker.bus('gate'),
    node: await net.node(0),
    tenant: TENANT,
    devices: links.devices ?? ['unit1'],
    clock: town.clock,
    log: silentLog,
  });
  await gateway.start();
  const far = await town.add('far');
  const cold = await town.add('unit1', bus);
  t.teardown(async () => {
    await town.close();
    await gateway.close();
  });
  const pass = async (forSeconds: number): Promise<void> => {
    for (let i = 0; i < forSeconds; i += 1) {
      await town.pass(seconds(1));
      await net.pass(1000);
    }
  };
  return { town, node, cold, far, pass };
}

await t.test('a device without a network hears and tells through its neighbour', async (t) => {
  const { town, cold, far, pass } = await chain(t);
  await cold.budget.hear(await town.token('unit1', 1));
  await far.budget.hear(await town.token('far', 1));
  await pass(90);
  t.same(
    [cold, far].map(({ budget }) => budget.status().forked),
    [[1], [1]],
  );
  await far.budget.hear(await town.token('far', 7, { epoch: 2 }));
  await pass(60);
  t.equal(cold.budget.status().epoch, 2);
});

await t.test('whoever has the link says no more to the fleet than a few messages a minute', async (t) => {
  const { town, node, far, pass } = await chain(t);
  await pass(60);
  const before = town.said('unit1').length;
  const junk = encodeSeen([utf8('junk')]);
  for (let i = 0; i < 60; i += 1) {
    node.send('seen', ANY_GATEWAY, junk).catch(() => undefined);
    await pass(1);
  }
  t.ok(town.said('unit1').length - before <= 10, `${town.said('unit1').length - before} of 60`);
  t.same(far.budget.told(), []);
});

await t.test(
  'a flood at the broker passes the gateway as a trickle, and orders pass beside it',
  async (t) => {
    const { town, cold, pass } = await chain(t);
    const orders: string[] = [];
    cold.bus.onMessage(async (message) => {
      if (message.topic === deviceTopics(TENANT, 'unit1').cmd)
        orders.push(Buffer.from(message.payload).toString());
      else cold.gossip.receive(message);
    });
    await cold.bus.subscribe([deviceTopics(TENANT, 'unit1').cmd]);
    await pass(60);
    const heard = () => Object.values(cold.gossip.counts).reduce((sum, each) => sum + each, 0);
    const before = heard();
    for (let i = 0; i < 500; i += 1) town.say(`liar${i % 9}`, utf8(`junk ${i}`));
    town.broker.publish({
      topic: deviceTopics(TENANT, 'unit1').cmd,
      payload: utf8('an order'),
      retained: false,
    });
    await pass(30);
    t.same(orders, ['an order']);
    t.ok(heard() - before <= 9 && heard() > before, `${heard() - before} of 500 arrived`);
  },
);

await t.test('a gateway passes nothing for whom it does not stand', async (t) => {
  const { town, node, cold, far, pass } = await chain(t, { devices: ['unit7'] });
  await far.budget.hear(await town.token('far', 1));
  node.send('seen', ANY_GATEWAY, encodeSeen([await town.token('unit1', 1)])).catch(() => undefined);
  await pass(90);
  t.same(town.said('unit1', 'unit7'), []);
  t.same(cold.budget.told(), []);
  t.equal(far.budget.told().length, 1);
});
