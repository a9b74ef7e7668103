import t, { type Test } from 'tap';
import { RelayBus } from '../../../../src/adapters/chain-link/relay-bus.ts';
import { RelayGateway } from '../../../../src/adapters/chain-link/relay-gateway.ts';
import { type RelayPart, shareRelay } from '../../../../src/adapters/chain-link/shared-relay.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { utf8 } from '../../../../src/base/index.ts';
import { deviceTopics, seenFilter } from '../../../../src/protocol/index.ts';
import { ANY_GATEWAY } from '../../../../src/sata-chain/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeBroker } from '../../../kit/fake-bus.ts';
import { RelayNet } from '../../../kit/relay-net.ts';

const TENANT = 'acme';
const topics = (unit: number) => deviceTopics(TENANT, `unit${unit}`);

/** Three units in a row. The first stands for the others; the one in the middle for the first, and has orders of its own. */
async function place(t: Test) {
  const net = new RelayNet({
    units: 3,
    cables: [
      [0, 1],
      [1, 2],
    ],
    gateways: { 0: ['unit1', 'unit2'], 1: ['unit0'] },
  });
  const broker = new FakeBroker();
  const [first, middle, last] = [await net.node(0), await net.node(1), await net.node(2)];
  const { orders, events } = shareRelay(middle);
  const gateway = (unit: number, node: RelayPart, devices: readonly string[]) =>
    new RelayGateway({
      bus: broker.bus(`gate${unit}`),
      node,
      tenant: TENANT,
      devices,
      clock: systemClock,
      log: silentLog,
    });
  const gateways = [gateway(0, first, ['unit1', 'unit2']), gateway(1, events, ['unit0'])];
  for (const each of gateways) await each.start();
  last.start(async () => undefined);
  const bus = new RelayBus(async () => orders, TENANT, 'unit1');
  const got: string[] = [];
  bus.onMessage(async ({ payload }) => void got.push(Buffer.from(payload).toString()));
  await bus.subscribe([topics(1).cmd]);
  t.teardown(async () => {
    await bus.close();
    for (const each of gateways) await each.close();
    await Promise.all([middle.close(), last.close()]);
  });
  const until = (holds: () => boolean) =>
    eventually(async () => {
      await net.pass(400);
      return holds();
    });
  const said = (unit: number) =>
    broker.published
      .filter(({ topic }) => topic === topics(unit).evt)
      .map(({ payload }) => Buffer.from(payload).toString());
  return { net, broker, bus, got, first, middle, last, until, said };
}

await t.test(
  'a unit stands for one neighbour, has orders by another, and lets pass what is neither',
  async (t) => {
    const { broker, bus, got, first, middle, last, until, said } = await place(t);
    bus.start().catch(() => undefined);
    const sent = [
      bus.publish(topics(1).evt, utf8('of the middle')),
      first.send('event', ANY_GATEWAY, utf8('of the first')),
      last.send('event', ANY_GATEWAY, utf8('of the last')),
    ];
    broker.publish({ topic: topics(1).cmd, payload: utf8('an order'), retained: false });
    await until(() => [0, 1, 2].every((unit) => said(unit).length > 0) && got.length > 0);
    await Promise.all(sent);
    await until(() => middle.held + first.held + last.held === 0);
    t.same([0, 1, 2].map(said), [['of the first'], ['of the middle'], ['of the last']]);
    t.same(got, ['an order']);
  },
);

await t.test(
  'what is told of tokens comes to each part that it is for, and goes round nowhere',
  async (t) => {
    const { broker, bus, got, last, middle, first, until } = await place(t);
    await bus.subscribe([seenFilter(TENANT)]);
    bus.start().catch(() => undefined);
    await until(() => true);
    const passed = last.send('seen', ANY_GATEWAY, utf8('of the last'));
    await until(() => got.length > 0);
    await passed;
    broker.publish({ topic: 'ns/1/acme/d/far/seen', payload: utf8('of the far'), retained: false });
    await until(() => got.includes('of the far'));
    await until(() => middle.held + first.held + last.held === 0);
    for (let i = 0; i < 20; i += 1) await until(() => true);
    const seen = broker.published.filter(({ topic }) => topic.endsWith('/seen'));
    t.same(
      seen.map(({ topic, payload }) => [topic, Buffer.from(payload).toString()]),
      [
        [topics(2).seen, 'of the last'],
        ['ns/1/acme/d/far/seen', 'of the far'],
      ],
    );
    t.same(new Set(got), new Set(['of the last', 'of the far']));
  },
);

await t.test('an order that comes when its bus is closed is kept', async (t) => {
  const { broker, bus, got, first, middle, until } = await place(t);
  bus.start().catch(() => undefined);
  await until(() => true);
  await bus.close();
  broker.publish({ topic: topics(1).cmd, payload: utf8('late'), retained: false });
  await until(() => middle.held === 1 && first.held === 0);
  for (let i = 0; i < 30; i += 1) await until(() => true);
  t.same([got, middle.held], [[], 1]);
});
