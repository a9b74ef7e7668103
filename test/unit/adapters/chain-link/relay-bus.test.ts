import t, { type Test } from 'tap';
import { RelayBus } from '../../../../src/adapters/chain-link/relay-bus.ts';
import { RelayGateway } from '../../../../src/adapters/chain-link/relay-gateway.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { utf8 } from '../../../../src/base/index.ts';
import type { BusMessage, BusState } from '../../../../src/ports/index.ts';
import { deviceTopics } from '../../../../src/protocol/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeBroker } from '../../../kit/fake-bus.ts';
import { RelayNet } from '../../../kit/relay-net.ts';

const TENANT = 'acme';
const { cmd, evt, blkOut } = deviceTopics(TENANT, 'unit1');

/** A gateway and a device without a network, next to each other, on virtual time. */
async function bench(t: Test, devices: readonly string[] = ['unit1']) {
  const net = new RelayNet({ units: 2, cables: [[0, 1]], gateways: [0] });
  const broker = new FakeBroker();
  const bus = new RelayBus(() => net.node(1), TENANT, 'unit1');
  const gateway = new RelayGateway({
    bus: broker.bus('gate'),
    node: await net.node(0),
    tenant: TENANT,
    devices,
    clock: systemClock,
    log: silentLog,
  });
  await gateway.start();
  const states: BusState['is'][] = [];
  bus.onState(({ is }) => void states.push(is));
  t.teardown(async () => {
    await bus.close();
    await gateway.close();
  });
  /** Lets virtual time pass until it is so. */
  const until = (holds: () => boolean) =>
    eventually(async () => {
      await net.pass(400);
      return holds();
    });
  return { net, broker, bus, gateway, states, until };
}

await t.test('orders come from the broker, events go to it, byte for byte', async (t) => {
  const { broker, bus, states, until } = await bench(t);
  const got: BusMessage[] = [];
  bus.onMessage(async (message) => void got.push(message));
  await bus.subscribe([cmd]);
  const early = bus.publish(evt, utf8('before the start'));
  const started = bus.start();
  await until(() => states.length > 0);
  await Promise.all([started, early]);
  broker.publish({ topic: cmd, payload: utf8('an order'), retained: false });
  await until(() => got.length === 1);
  t.same(got, [{ topic: cmd, payload: utf8('an order'), retained: false }]);
  await until(() => broker.published.length === 2);
  t.same(
    broker.published.filter(({ topic }) => topic === evt),
    [{ topic: evt, payload: utf8('before the start'), retained: false }],
  );
  t.same(states, ['up']);
});

await t.test('a message whose handler rejects comes again; one without a subscription waits', async (t) => {
  const { broker, bus, until } = await bench(t);
  let tries = 0;
  bus.onMessage(async () => {
    tries += 1;
    if (tries === 1) throw new Error('not now');
  });
  bus.start().catch(() => undefined);
  await until(() => true);
  broker.publish({ topic: cmd, payload: utf8('x'), retained: false });
  for (let i = 0; i < 10; i += 1) await until(() => true);
  t.equal(tries, 0);
  await bus.subscribe([cmd]);
  await until(() => tries === 2);
  for (let i = 0; i < 50; i += 1) await until(() => true);
  t.equal(tries, 2);
});

await t.test('orders are handed over one at a time, all of them', async (t) => {
  const { broker, bus, until } = await bench(t);
  let [inside, most, done] = [0, 0, 0];
  bus.onMessage(async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside -= 1;
    done += 1;
    if (done === 3) throw new Error('comes again');
  });
  await bus.subscribe([cmd]);
  bus.start().catch(() => undefined);
  for (let n = 0; n < 8; n += 1) broker.publish({ topic: cmd, payload: Uint8Array.of(n), retained: false });
  await until(() => done === 9);
  t.equal(most, 1);
});

await t.test(
  'what the chain does not carry is refused; what is worthless later is dropped while alone',
  async (t) => {
    const { net, bus, states, until } = await bench(t);
    await t.rejects(bus.publish(evt, utf8('progress'), { transient: true }), { code: 'NS_BUS_DOWN' });
    const started = bus.start();
    await until(() => states.length > 0);
    await started;
    await t.rejects(bus.publish(blkOut, utf8('block'), { transient: true }), { code: 'NS_BUS_REFUSED' });
    await t.rejects(bus.publish(evt, utf8('kept'), { retain: true }), { code: 'NS_BUS_REFUSED' });
    await t.rejects(bus.publish(evt, new Uint8Array(200_000)), { code: 'NS_BUS_REFUSED' });
    net.cables[0]!.cut();
    await until(() => states.length > 1);
    t.same(states, ['up', 'down']);
    await t.rejects(bus.publish(evt, utf8('progress'), { transient: true }), { code: 'NS_BUS_DOWN' });
  },
);

await t.test('the send queue is bounded, and what waits at the end is told', async (t) => {
  const { bus } = await bench(t);
  const ends = Array.from({ length: 100 }, () =>
    bus.publish(evt, utf8('w')).then(
      () => 'sent',
      ({ code }: { code: string }) => code,
    ),
  );
  await bus.close();
  const codes = await Promise.all(ends);
  t.ok(codes.includes('NS_BUS_FULL') && codes.includes('NS_BUS_DOWN'));
  t.ok(codes.every((code) => code === 'NS_BUS_FULL' || code === 'NS_BUS_DOWN'));
  await t.rejects(bus.publish(evt, utf8('late')), { code: 'NS_BUS_DOWN' });
  await t.rejects(bus.start(), { code: 'NS_BUS_DOWN' });
});

await t.test('a start that is aborted closes the bus', async (t) => {
  const { bus } = await bench(t);
  const abort = new AbortController();
  const started = bus.start(abort.signal);
  abort.abort(new Error('no'));
  await t.rejects(started, { code: 'NS_BUS_DOWN' });
  await t.rejects(bus.publish(evt, utf8('late')), { code: 'NS_BUS_DOWN' });
});

await t.test(
  'an oversize order is not passed on, and nine devices are too many for one connection',
  async (t) => {
    const { broker, bus, until } = await bench(t);
    const got: number[] = [];
    bus.onMessage(async ({ payload }) => void got.push(payload.byteLength));
    await bus.subscribe([cmd]);
    bus.start().catch(() => undefined);
    broker.publish({ topic: cmd, payload: new Uint8Array(40_000), retained: false });
    broker.publish({ topic: cmd, payload: utf8('small'), retained: false });
    await until(() => got.length > 0);
    t.same(got, [5]);
    const devices = Array.from({ length: 9 }, (_, i) => `host${i}`);
    await t.rejects(bench(t, devices), { code: 'NS_RELAY_INVALID' });
  },
);
