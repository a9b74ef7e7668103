import t from 'tap';
import { minutes, seconds } from '../../../src/base/index.ts';
import { deviceTopics, type Order } from '../../../src/protocol/index.ts';
import { signEvent } from '../../../src/security/index.ts';
import { fleetBench, memorySource } from '../../kit/fleet-bench.ts';
import { testKey } from '../../kit/keys.ts';

const signal = new AbortController().signal;
const stat = { volume: undefined, path: '/etc/fstab' } as const;

await t.test('an order comes back with the receipt that the device signed', async (t) => {
  const b = await fleetBench();
  b.device.answer = async () => ({
    result: { channel: 'temp', unit: 'm°C', value: 41_000 },
    power: [{ at: 0, state: 'S5', certain: true }],
  });
  const run = await b.fleet.order('host1', 'io.read', { channel: 'temp' }, { signal });
  const outcome = await b.settle(run.outcome);
  t.match(outcome, { is: 'receipt', receipt: { outcome: 'succeeded' }, result: { value: 41_000 } });
  t.match(b.device.orders, [{ verb: 'io.read', aud: { to: 'device', name: 'host1' }, ctr: 1 }]);
  t.ok(b.device.orders[0]!.exp! > b.clock.wallSeconds());
});

await t.test('an order that is not heard is said again, the same packet, and done once', async (t) => {
  const b = await fleetBench();
  b.device.deafFor = 2;
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal });
  t.match(await b.settle(run.outcome), { is: 'receipt' });
  t.equal(b.device.packets, 3);
  t.equal(b.device.orders.length, 1);
});

await t.test('a lost receipt is fetched by saying the order again', async (t) => {
  const b = await fleetBench();
  const evt = deviceTopics('test', 'host1').evt;
  const publish = b.broker.publish.bind(b.broker);
  let lost = 0;
  b.broker.publish = (message) => {
    // The second event is the receipt.
    if (message.topic === evt && lost < 2) {
      lost += 1;
      if (lost === 2) return;
    }
    publish(message);
  };
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal });
  t.match(await b.settle(run.outcome), { is: 'receipt' });
  t.equal(b.device.orders.length, 1, 'one effect');
});

await t.test(
  'a device that never answers is unreachable, and the order may still be obeyed until it expires',
  async (t) => {
    const b = await fleetBench();
    b.device.deafFor = 1000;
    await b.device.say({
      event: 'presence',
      state: 'offline',
      uptimeSeconds: 0,
      version: '1',
      board: 'sim',
      power: 'unknown',
      lock: 'enabled',
      nonce: new Uint8Array(16),
    });
    const run = await b.fleet.order(
      'host1',
      'machine.status',
      {},
      { signal, timing: { accept: seconds(30) } },
    );
    const outcome = await b.settle(run.outcome);
    t.match(outcome, { is: 'unreachable', sent: true });
    t.equal(outcome.is === 'unreachable' && outcome.validUntil, b.device.bus && b.clock.wallSeconds() + 570);
  },
);

await t.test('a device that takes an order and falls silent gave no answer', async (t) => {
  const b = await fleetBench();
  b.device.answer = async (order, { say }) => {
    await say({ event: 'progress', id: order.id, seq: 1, stage: 'reading', done: 1, total: 9 });
    b.device.cut();
    return 'silence';
  };
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal });
  t.match(await b.settle(run.outcome), { is: 'no-answer', stage: 'reading' });
});

await t.test('progress comes as events, in order, each once', async (t) => {
  const b = await fleetBench();
  b.device.answer = async (order, { say }) => {
    for (const seq of [1, 2, 2, 1, 3]) {
      await say({ event: 'progress', id: order.id, seq, stage: 'work', done: seq, total: 3 });
    }
    return {};
  };
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const event of run.events()) if (event.event === 'progress') seen.push(event.seq);
  })();
  await b.settle(Promise.all([reading, run.outcome]));
  t.same(seen, [1, 2, 3]);
});

await t.test('a refusal before acceptance ends the order', async (t) => {
  const b = await fleetBench();
  const fleet = await b.otherFleet();
  const run = await fleet.order('host1', 'machine.disable', {}, { signal });
  b.device.answer = async () => ({ outcome: 'refused', refusal: { code: 'X', sentence: 's', remedy: 'r' } });
  t.match(await b.settle(run.outcome), { is: 'receipt', receipt: { outcome: 'refused' } });
  t.equal(b.device.orders[0]!.exp, undefined, 'a disable does not expire');
});

await t.test(
  'events by another key, for another device or kept by the broker are not believed',
  async (t) => {
    const b = await fleetBench(['host1', 'host2']);
    const [one, two] = b.devices;
    const evt = deviceTopics('test', 'host1').evt;
    one!.answer = async (order) => {
      const forged = { event: 'rejected', packet: new Uint8Array(32), id: order.id };
      const body = { v: 1, device: 'host1', boot: new Uint8Array(16), ...forged };
      const refusal = { code: 'X', sentence: 's', remedy: 'r' };
      await one!.bus.publish(evt, await signEvent({ ...body, refusal } as never, testKey(), 'test'));
      await one!.bus.publish(evt, await two!.seal({ ...forged, refusal }));
      await one!.bus.publish(evt, new Uint8Array([1, 2, 3]));
      return 'silence';
    };
    const run = await b.fleet.order('host1', 'machine.status', {}, { signal, timing: { total: minutes(5) } });
    t.match(await b.settle(run.outcome), { is: 'no-answer' });
  },
);

await t.test('a receipt for another packet under our id is a conflict, not our answer', async (t) => {
  const b = await fleetBench();
  b.device.answer = async () => ({ order: new Uint8Array(32) });
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal });
  t.match(await b.settle(run.outcome), { is: 'conflict' });
});

await t.test('an abort ends the wait with its reason', async (t) => {
  const b = await fleetBench();
  b.device.answer = async () => 'silence';
  const stop = new AbortController();
  const run = await b.fleet.order('host1', 'machine.status', {}, { signal: stop.signal });
  const ended = run.outcome.catch((error: Error) => error.message);
  stop.abort(new Error('Ctrl-C'));
  t.equal(await b.settle(ended), 'Ctrl-C');
});

await t.test(
  'arguments that no device would take are not signed, and an unknown device is named',
  async (t) => {
    const b = await fleetBench();
    await t.rejects(b.fleet.order('host1', 'file.stat', { ...stat, path: '' }, { signal }), {
      code: 'NS_ORDER_INVALID',
    });
    await t.rejects(b.fleet.order('host9', 'machine.status', {}, { signal }), { code: 'NS_DEVICE_UNKNOWN' });
  },
);

await t.test('one connection serves many devices with no more than eight filters', async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `host${i}`);
  const b = await fleetBench(names);
  const runs = await Promise.all(
    names.map((name) => b.fleet.order(name, 'machine.status', {}, { signal: new AbortController().signal })),
  );
  const outcomes = await b.settle(Promise.all(runs.map((run) => run.outcome)));
  t.ok(outcomes.every((outcome) => outcome.is === 'receipt'));
});

await t.test('a destructive order takes a token with it, asked for once; no other order does', async (t) => {
  const asked: string[] = [];
  const token = new Uint8Array([1, 2, 3]);
  const b = await fleetBench(['host1'], {
    tokens: async ({ aud, verb }) => {
      asked.push(`${aud.name} ${verb}`);
      return token;
    },
  });
  const whole = { path: '/srv', recursive: true } as const;
  for (const args of [whole, { ...whole, dryRun: true } as const, { path: '/srv/a' } as const]) {
    const run = await b.fleet.order('host1', 'file.delete', args, { signal });
    t.match(await b.settle(run.outcome), { is: 'receipt' });
  }
  t.same(asked, ['host1 file.delete']);
  t.same(
    b.device.orders.map((order) => order.token),
    [token, undefined, undefined],
  );
});

await t.test('an order for a put that was signed before is not sent with another file', async (t) => {
  const b = await fleetBench();
  const source = memorySource(new Uint8Array(10));
  const put = b.fleet.put('host1', { path: '/etc/motd' }, source, { signal });
  t.match(await b.settle(put), { outcome: { is: 'receipt' } });
  const order = b.device.orders[0] as Order<'file.download'>;
  const other = memorySource(new Uint8Array(11));
  await t.rejects(b.fleet.sendPut(order, new Uint8Array(), other, { signal }), {
    code: 'NS_ORDER_INVALID',
  });
  t.equal(b.device.packets, 1);
});
