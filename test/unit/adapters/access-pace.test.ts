import t from 'tap';
import { AccessPace } from '../../../src/adapters/access-pace.ts';
import { milliseconds } from '../../../src/base/index.ts';

/** Makes accesses that take what `took` says; counts those that held the loop. */
function held(pace: AccessPace, accesses: number, took: (i: number) => number, size = 4096): number {
  let count = 0;
  for (let i = 0; i < accesses; i += 1) {
    if (!pace.mayHoldLoop()) continue;
    count += 1;
    pace.measured(size, milliseconds(took(i)));
  }
  return count;
}

await t.test('what is as quick as memory is always made at once', async (t) => {
  t.equal(
    held(new AccessPace(), 100_000, () => 0.2),
    100_000,
  );
  t.equal(
    held(new AccessPace(), 1000, () => 4, 1024 * 1024),
    1000,
    'a large one may take longer',
  );
});

await t.test('a disk that is slow holds the loop ever more seldom', async (t) => {
  const pace = new AccessPace();
  t.ok(held(pace, 1000, () => 8) <= 5);
  t.ok(held(pace, 1_000_000, () => 8) <= 24);
});

await t.test('one slow access costs a while in the pool and no more', async (t) => {
  const pace = new AccessPace();
  t.equal(
    held(pace, 10_000, (i) => (i === 5000 ? 8 : 0.01)),
    10_000 - 64,
  );
  t.equal(
    held(pace, 10_000, (i) => (i === 5000 ? 8 : 0.01)),
    10_000 - 64,
    'and is forgiven',
  );
});
