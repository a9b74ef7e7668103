import t from 'tap';
import { minutes } from '../../../src/base/index.ts';
import type { OrderTiming } from '../../../src/fleet/index.ts';
import { fleetBench } from '../../kit/fleet-bench.ts';
import { statusResult } from '../../kit/status-result.ts';

const signal = new AbortController().signal;
const NONCE = new Uint8Array(16).fill(9);

async function bench(withNonce: boolean) {
  const b = await fleetBench();
  const clock = { wall: 1, surely: 2, nonce: NONCE };
  b.device.answer = async ({ verb }) =>
    verb === 'machine.status' ? { result: statusResult(withNonce ? clock : undefined) } : {};
  const notes: string[] = [];
  const give = async (by: OrderTiming['by']) => {
    const onNoNonce = ({ code }: { code: string }) => void notes.push(code);
    const run = await b.settle(
      b.fleet.order('host1', 'io.list', {}, { signal, timing: { by, validFor: minutes(2) }, onNoNonce }),
    );
    return b.settle(run.outcome);
  };
  return { ...b, give, notes };
}

await t.test('an order that is bound to a nonce names no time', async (t) => {
  const b = await bench(true);
  t.match(await b.give('nonce'), { is: 'receipt' });
  const [asked, order] = b.device.orders;
  t.match(asked, { verb: 'machine.status', nonce: undefined });
  t.match(order, { verb: 'io.list', nonce: NONCE, maxAge: 120, exp: undefined });
});

await t.test('a device that gives out no nonce gets the order by the clocks, or not at all', async (t) => {
  const b = await bench(false);
  t.match(await b.give('nonce-if-given'), { is: 'receipt' });
  t.same(b.notes, ['NS_NO_NONCE']);
  t.match(b.device.orders.at(-1), { verb: 'io.list', nonce: undefined });
  t.ok(b.device.orders.at(-1)!.exp! > b.clock.wallSeconds());
  const before = b.device.orders.length;
  await t.rejects(b.give('nonce'), { code: 'NS_NO_NONCE', message: /host1 gave no nonce/ });
  t.equal(b.device.orders.length, before + 1, 'only the question was sent');
});

await t.test('a refusal brings a nonce too, to whoever is known', async (t) => {
  const b = await fleetBench();
  const refusal = { code: 'EXPIRED', sentence: 'It was good until yesterday.', remedy: '' };
  let refused = 0;
  b.device.judge = () => {
    refused += 1;
    return refused === 1 ? { refusal, nonce: NONCE } : undefined;
  };
  const timing = { by: 'nonce' as const };
  const run = await b.settle(b.fleet.order('host1', 'io.list', {}, { signal, timing }));
  t.match(await b.settle(run.outcome), { is: 'receipt' });
  t.match(b.device.orders, [{ verb: 'io.list', nonce: NONCE }]);
});

await t.test('a disable order lasts, and asks for nothing', async (t) => {
  const b = await bench(true);
  const timing = { by: 'nonce' as const };
  b.device.answer = async () => ({ outcome: 'refused' });
  await b.settle(b.fleet.order('host1', 'task.list', {}, { signal, timing: { by: 'wall-clock' } }));
  const orders = b.device.orders.length;
  await b
    .settle(b.fleet.order('host1', 'machine.disable', {}, { signal, timing }))
    .then((run) => b.settle(run.outcome));
  t.notOk(b.device.orders.slice(orders).some(({ verb }) => verb === 'machine.status'));
});
