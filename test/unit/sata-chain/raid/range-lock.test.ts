import t from 'tap';
import { RangeLock } from '../../../../src/sata-chain/raid/range-lock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

await t.test('overlapping ranges have their turns in the order of asking; others go on', async (t) => {
  const lock = new RangeLock();
  const a = { lba: 0, count: 10 };
  const b = { lba: 5, count: 10 };
  const c = { lba: 14, count: 4 };
  const d = { lba: 30, count: 1 };
  const order: string[] = [];
  t.ok(lock.tryAcquire(a));
  const waiting = [b, c].map((range, i) => lock.acquire(range).then(() => order.push('bc'[i]!)));
  t.ok(lock.tryAcquire(d), 'elsewhere it is free');
  t.notOk(lock.tryAcquire({ lba: 16, count: 1 }), 'not before one that waits');
  lock.release(a);
  await turn();
  t.same(order, ['b'], 'the third waits for the second');
  lock.release(b);
  await Promise.all(waiting);
  t.same(order, ['b', 'c']);
});

await t.test('one that gives up leaves the queue, and those behind it go on', async (t) => {
  const lock = new RangeLock();
  const a = { lba: 0, count: 10 };
  const abort = new AbortController();
  lock.tryAcquire(a);
  const given = lock.acquire({ lba: 5, count: 10 }, abort.signal);
  let went = false;
  const behind = lock.acquire({ lba: 12, count: 2 }).then(() => {
    went = true;
  });
  await turn();
  t.notOk(went);
  abort.abort();
  await t.rejects(given, { code: 'NS_ATA_ABORTED' });
  await behind;
  t.ok(went);
});
