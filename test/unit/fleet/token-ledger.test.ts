import fc from 'fast-check';
import t from 'tap';
import {
  currentEpoch,
  firstEpoch,
  ledgerText,
  leftOf,
  newLedger,
  nextEpoch,
  parseLimits,
  readLedger,
  takeTokens,
  withLimits,
} from '../../../src/fleet/index.ts';

const owner = { tenant: 'acme', governor: '0011aabb' };
const now = 1_800_000_000;
const DAY = 86_400;
const ledger = newLedger(owner, { lock: 3, wipe: 2 }, 7, now);

await t.test('numbers count from 1, each kind by itself, up to the limit', async (t) => {
  const first = takeTokens(ledger, 'lock', ['rack1', 'rack2'], now);
  t.same(
    first.bodies.map(({ for: kind, n, device, epoch }) => [kind, n, device, epoch]),
    [
      ['lock', 1, 'rack1', 7],
      ['lock', 2, 'rack2', 7],
    ],
  );
  t.match(takeTokens(first.ledger, 'wipe', ['rack1'], now).bodies, [{ n: 1 }]);
  t.throws(() => takeTokens(first.ledger, 'lock', ['rack3', 'rack4'], now), { code: 'NS_BUDGET_SPENT' });
  t.equal(leftOf(first.ledger, 'lock'), 1);
  t.equal(leftOf(withLimits(first.ledger, { lock: 1, wipe: 2 }), 'lock'), 0);
});

await t.test('an epoch begins a day after the last, or sooner when that is said', async (t) => {
  t.throws(() => nextEpoch(ledger, now + DAY - 1, false), { code: 'NS_EPOCH_TOO_SOON' });
  t.match(currentEpoch(nextEpoch(ledger, now + DAY, false)), { epoch: 8, taken: { lock: 0 } });
  t.match(currentEpoch(nextEpoch(ledger, now, true)), { epoch: 8 });
  t.ok(firstEpoch(now + 30 * DAY) >= 7 + 30, 'a ledger that is begun anew is ahead of one a day');
});

await t.test(
  'whatever is done, no epoch and kind has a number twice, and the text holds it all',
  async () => {
    const step = fc.oneof(
      fc.record({
        is: fc.constant('take' as const),
        kind: fc.constantFrom('lock', 'wipe'),
        count: fc.nat(3),
      }),
      fc.record({ is: fc.constant('next' as const), later: fc.nat(2 * DAY) }),
      fc.record({ is: fc.constant('limit' as const), limit: fc.nat(6) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const seen = new Set<string>();
        let state = ledger;
        let time = now;
        for (const each of steps) {
          try {
            if (each.is === 'take') {
              const devices = Array.from({ length: each.count }, (_, n) => `h${n}`);
              const taken = takeTokens(state, each.kind, devices, time);
              for (const { epoch, for: kind, n } of taken.bodies) {
                if (n > state.limits[kind] || seen.has(`${epoch}/${kind}/${n}`)) return false;
                seen.add(`${epoch}/${kind}/${n}`);
              }
              state = taken.ledger;
            } else if (each.is === 'next') {
              time += each.later;
              state = nextEpoch(state, time, false);
            } else state = withLimits(state, { ...state.limits, lock: each.limit });
          } catch (error) {
            if (!/NS_(BUDGET_SPENT|EPOCH_TOO_SOON)/.test(String((error as { code: string }).code)))
              throw error;
          }
          state = readLedger(ledgerText(state), owner);
        }
        return true;
      }),
    );
  },
);

await t.test('epochs do not pile up', async (t) => {
  let state = ledger;
  for (let n = 1; n <= 1000; n += 1) state = nextEpoch(state, now + n * DAY, false);
  t.equal(currentEpoch(state).epoch, 1007);
  t.ok(readLedger(ledgerText(state), owner).epochs.length <= 400);
});

await t.test("a damaged ledger, or another governor's, is not gone on with", async (t) => {
  const text = ledgerText(ledger);
  for (const bad of ['', '{', text.slice(0, -5), '{"v":1}', text.replace('"epoch"', '"epox"')]) {
    t.throws(() => readLedger(bad, owner), { code: 'NS_LEDGER' }, bad.slice(0, 20));
  }
  t.throws(() => readLedger(text, { ...owner, governor: '00' }), { code: 'NS_LEDGER' });
  t.throws(() => readLedger(text, { ...owner, tenant: 'other' }), { code: 'NS_LEDGER' });
});

await t.test('limits are written as words and numbers', async (t) => {
  const before = { lock: 10, wipe: 10 };
  t.same(parseLimits('lock=3', before), { lock: 3, wipe: 10 });
  t.same(parseLimits('wipe=0,lock=1024', before), { lock: 1024, wipe: 0 });
  for (const bad of ['', 'lock', 'lock=1025', 'purge=1', 'lock=-1', 'lock=1;wipe=1']) {
    t.throws(() => parseLimits(bad, before), { code: 'NS_USAGE' }, bad);
  }
});
