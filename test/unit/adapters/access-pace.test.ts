import t from 'tap';
import { AccessPace, type Waited } from '../../../src/adapters/access-pace.ts';
import { milliseconds } from '../../../src/base/index.ts';

/** Makes accesses that take what `took` says; counts those that held the loop. */
function held(
  pace: AccessPace,
  accesses: number,
  took: (i: number) => number,
  { size = 4096, waited = 'yes' as Waited } = {},
): number {
  let count = 0;
  for (let i = 0; i < accesses; i += 1) {
    if (!pace.mayHoldLoop()) continue;
    count += 1;
    pace.measured(size, milliseconds(took(i)), () => waited);
  }
  return count;
}

await t.test('what is as quick as memory is always made at once', async (t) => {
  t.equal(
    held(new AccessPace(), 100_000, () => 0.05),
    100_000,
  );
  t.equal(
    held(new AccessPace(), 1000, () => 4, { size: 1024 * 1024 }),
    1000,
    'a large one may take longer',
  );
  t.equal(
    held(new AccessPace(), 1000, () => 8, { waited: 'no' }),
    1000,
    'and one that did not wait for the disk',
  );
});

await t.test('a disk that is slow holds the loop ever more seldom', async (t) => {
  const pace = new AccessPace();
  t.ok(held(pace, 1000, () => 8) <= 6);
  t.ok(held(pace, 1_000_000, () => 8) <= 1000);
});

await t.test('a quick disk is still a disk: many of its accesses go side by side', async (t) => {
  t.ok(held(new AccessPace(), 1000, () => 0.1) <= 6);
  t.equal(
    held(new AccessPace(), 1000, () => 0.1, { waited: 'perhaps' }),
    1000,
  );
});

await t.test('one slow access costs a while in the pool and no more', async (t) => {
  const pace = new AccessPace();
  const once = (i: number) => (i === 5000 ? 8 : 0.01);
  t.equal(held(pace, 10_000, once), 10_000 - 16);
  t.equal(held(pace, 10_000, once), 10_000 - 16, 'and is forgiven');
});

await t.test(
  'where it is not known what took the time, it takes two slow ones near each other',
  async (t) => {
    const doubt = { waited: 'perhaps' } as const;
    t.equal(
      held(new AccessPace(), 10_000, (i) => (i % 100 === 0 ? 8 : 0.01), doubt),
      10_000,
    );
    t.equal(
      held(new AccessPace(), 10_000, (i) => (i === 50 || i === 60 ? 8 : 0.01), doubt),
      10_000 - 16,
    );
    t.ok(held(new AccessPace(), 100_000, () => 8, doubt) <= 220);
  },
);
