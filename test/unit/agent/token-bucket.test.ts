import fc from 'fast-check';
import t from 'tap';
import { TokenBucket } from '../../../src/agent/token-bucket.ts';
import { milliseconds } from '../../../src/base/index.ts';

await t.test('a burst passes, then so many a second', async (t) => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
  t.same(
    [0, 0, 0, 0].map((now) => bucket.take(milliseconds(now))),
    [true, true, true, false],
  );
  t.notOk(bucket.take(milliseconds(90)));
  t.ok(bucket.take(milliseconds(110)));
  t.notOk(bucket.take(milliseconds(120)));
});

await t.test('a reservation says how long to wait, and refuses what would wait too long', async (t) => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 1 });
  const longest = milliseconds(250);
  const waits = Array.from({ length: 4 }, () => bucket.reserve(milliseconds(0), longest));
  t.same(waits, [0, 100, 200, undefined]);
});

await t.test('whatever the times, no more pass than burst and rate allow', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500), { maxLength: 300 }), (gaps) => {
      const bucket = new TokenBucket({ perSecond: 7, burst: 4 });
      let now = 0;
      let passed = 0;
      for (const gap of gaps) {
        now += gap;
        if (bucket.take(milliseconds(now))) passed += 1;
      }
      return passed <= 4 + (now * 7) / 1000 + 1e-6;
    }),
  );
});
