import t from 'tap';
import { allow, minutes, type Refusal, refusal, refuse, seconds } from '../../../../src/base/index.ts';
import type { OrderStanding } from '../../../../src/tasks/desk-options.ts';
import { benchOf, notes, off, remove, staged, World } from '../../../kit/staged-bench.ts';

await t.test('the end of its time drops it, with what it waited for', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  await staged(bench, '/a', { seconds: 3600 });
  await bench.settle(minutes(59));
  t.same(bench.receipts(), []);
  await bench.settle(minutes(2));
  t.match(bench.receipts(), [
    { outcome: 'expired', refusal: { code: 'STAGED_ENDED', sentence: /HOST_AWAKE/ } },
  ]);
  await off(bench);
  t.same(world.done, []);
});

await t.test('a cancel ends it at once', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  const { order } = await staged(bench);
  t.same(
    bench.services.tasks.rows().map(({ stage }) => stage),
    ['staged, waits: HOST_AWAKE'],
  );
  await bench.submit(await bench.order({ verb: 'task.cancel', args: { task: order.id } }));
  await bench.settle();
  t.match(
    bench.receipts().find(({ verb }) => verb === 'file.delete'),
    { outcome: 'cancelled', refusal: { code: 'CANCELLED' } },
  );
  await off(bench);
  t.same(world.done, []);
});

await t.test('a machine that is disabled drops what is staged', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  await staged(bench);
  await bench.submit(await bench.order({ verb: 'machine.disable', args: {}, exp: undefined }));
  await bench.settle(seconds(30));
  t.match(
    bench.receipts().find(({ verb }) => verb === 'file.delete'),
    { outcome: 'cancelled', refusal: { code: 'DISABLED' } },
  );
});

await t.test('a key that is removed meanwhile, or a grant that ends, drops it', async (t) => {
  const gone: { why?: Refusal } = {};
  const stands: OrderStanding = {
    begins: () => (gone.why === undefined ? allow(undefined) : { ok: false, refusal: gone.why }),
    paths: () => undefined,
  };
  const world = new World();
  const bench = await benchOf(world, { stands });
  await staged(bench);
  gone.why = refusal('KEY_UNKNOWN');
  bench.desk.reconsider();
  await bench.settle();
  t.match(
    bench.receipts(),
    [{ outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } }],
    'at once, where the keyring changes',
  );
  delete gone.why;
  await staged(bench, '/b');
  gone.why = refusal('KEY_EXPIRED');
  await off(bench);
  t.match(
    bench.receipts()[1],
    { outcome: 'refused', refusal: { code: 'KEY_EXPIRED' } },
    'by time: when it would be done',
  );
  t.same(world.done, []);
});

await t.test(
  'a grant for a host that is off is no reason against an order that waits for that',
  async (t) => {
    const stands: OrderStanding = {
      begins: (_order, power) =>
        power === 'S5' || power === 'later' ? allow(undefined) : refuse('OUT_OF_SCOPE'),
      paths: () => undefined,
    };
    const world = new World();
    const bench = await benchOf(world, { stands });
    await staged(bench);
    t.same(notes(bench), ['HOST_AWAKE']);
    await off(bench);
    t.same(world.done, ['/a']);
  },
);

await t.test('a host that wakes in the middle of it has its disk, and all is judged again', async (t) => {
  const gone: { why?: Refusal } = {};
  const stands: OrderStanding = {
    begins: () => (gone.why === undefined ? allow(undefined) : { ok: false, refusal: gone.why }),
    paths: () => undefined,
  };
  const world = new World();
  const bench = await benchOf(world, { stands });
  world.wakes = true;
  await bench.submit(await bench.order(remove('/a')));
  await bench.submit(await bench.order(remove('/b')));
  await bench.settle(seconds(1));
  t.same(notes(bench).toSorted(), ['HOST_WAKING', 'STAGED_BEHIND']);
  world.wakes = false;
  gone.why = refusal('KEY_UNKNOWN');
  bench.desk.reconsider();
  await bench.settle(minutes(5));
  t.match(bench.receipts(), [
    { outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } },
    { outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } },
  ]);
  t.same(world.done, []);
});
