import t from 'tap';
import { systemScheduler } from '../../../src/adapters/system-scheduler.ts';
import { microseconds, millis, type Nanoseconds } from '../../../src/sata-chain/index.ts';
import { seededRandom } from '../../kit/power-cut.ts';

const fired = (schedule: (done: () => void) => void) => new Promise<void>((resolve) => schedule(resolve));

await t.test('what is asked for fires in the order of its times, none before its time', async (t) => {
  const scheduler = systemScheduler();
  const random = seededRandom(5);
  const begin = scheduler.now();
  const seen: { due: number; at: number; n: number }[] = [];
  const count = 500;
  let asking = 0;
  await fired((done) => {
    for (let n = 0; n < count; n += 1) {
      const delay = (n % 3 === 0 ? microseconds(10) : Math.floor(random() * millis(20))) as Nanoseconds;
      const earliest = scheduler.now() + delay;
      scheduler.after(delay, () => {
        seen.push({ due: earliest, at: scheduler.now(), n });
        if (seen.length === count) done();
      });
    }
    asking = scheduler.now() - begin;
  });
  t.ok(seen.every(({ due, at }) => at >= due));
  // The clock went on between the askings, so times asked for within that much may stand either way.
  const slack = asking + millis(1);
  t.ok(seen.every(({ due }, i) => due >= (seen[i - 1]?.due ?? 0) - slack));
  t.ok(scheduler.now() >= begin + millis(10));
});

await t.test('equal times fire in the order of asking, and nothing fires inside after', async (t) => {
  const scheduler = systemScheduler();
  const seen: number[] = [];
  await fired((done) => {
    for (let n = 0; n < 5; n += 1) scheduler.after(millis(0), () => seen.push(n));
    t.same(seen, []);
    scheduler.after(millis(1), () => {
      scheduler.after(millis(0), () => {
        seen.push(99);
        done();
      });
      t.notOk(seen.includes(99));
    });
  });
  t.same(seen, [0, 1, 2, 3, 4, 99]);
});

await t.test('what is cancelled does not fire, the earliest and others', async (t) => {
  const scheduler = systemScheduler();
  const seen: string[] = [];
  await fired((done) => {
    const first = scheduler.after(millis(1), () => seen.push('first'));
    scheduler.after(millis(3), () => seen.push('second'));
    const third = scheduler.after(millis(5), () => seen.push('third'));
    scheduler.after(millis(8), done);
    first();
    first();
    third();
  });
  t.same(seen, ['second']);
});
