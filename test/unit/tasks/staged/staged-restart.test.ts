import t from 'tap';
import { days, hours, minutes, seconds } from '../../../../src/base/index.ts';
import { STAGED_DOCUMENT } from '../../../../src/tasks/staged/staged-record.ts';
import { benchOf, off, staged, World } from '../../../kit/staged-bench.ts';

await t.test(
  'time is counted while the device runs, over restarts, and seven days are the rule',
  async (t) => {
    const world = new World();
    let bench = await benchOf(world);
    await staged(bench);
    for (let day = 0; day < 6; day += 1) {
      await bench.settle(days(1));
      await bench.clock.settle(bench.desk.stop(), seconds(60));
      bench = await benchOf(world, { store: bench.store, keys: bench.keys });
      bench.host.set('S0');
    }
    await bench.settle(hours(23));
    t.same(bench.receipts(), []);
    await bench.settle(hours(2));
    t.match(bench.receipts(), [{ outcome: 'expired', refusal: { code: 'STAGED_ENDED' } }]);
  },
);

await t.test('what own storage knew of them is damaged: none is obeyed', async (t) => {
  const world = new World();
  const first = await benchOf(world);
  await staged(first);
  await first.clock.settle(first.desk.stop(), seconds(60));
  const document = await first.store.readDocument(STAGED_DOCUMENT);
  document![document!.length - 3]! ^= 1;
  await first.store.writeDocument(STAGED_DOCUMENT, document!);
  const again = await benchOf(world, { store: first.store, keys: first.keys });
  await again.settle(minutes(5));
  t.match(again.receipts(), [{ outcome: 'cancelled', refusal: { code: 'STAGED_LOST' } }]);
  t.same(world.done, []);
});

await t.test(
  'stopped while it is tried, it is tried again; stopped while it waits, it waits on',
  async (t) => {
    const world = new World();
    const first = await benchOf(world);
    await staged(first);
    world.hang = true;
    await off(first);
    t.equal(world.tries, 1);
    await first.clock.settle(first.desk.stop(), seconds(60));
    t.same(first.receipts(), []);
    world.hang = false;
    const again = await benchOf(world, { store: first.store, keys: first.keys });
    await again.settle(minutes(5));
    t.same(world.done, ['/a']);
    t.match(again.receipts(), [{ outcome: 'succeeded' }]);
    t.equal(again.services.staged?.rows().length, 0);
  },
);
