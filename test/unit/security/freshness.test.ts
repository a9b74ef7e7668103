import fc from 'fast-check';
import t from 'tap';
import { utf8 } from '../../../src/base/index.ts';
import type { Order } from '../../../src/protocol/index.ts';
import { counterWindow, Freshness } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const key = testKey();
const order = (change: Record<string, unknown> = {}): Order => testOrder(key, change);
const at = (wallSeconds: number, monotonic = 0) => ({ wallSeconds, monotonic });
const codeOf = (freshness: Freshness, what: Order, now = at(1000)) => {
  const verdict = freshness.judge(what, now);
  return verdict.ok ? 'ok' : verdict.refusal.code;
};

await t.test('a counter is good once, in any order, within 64 of the newest', async (t) => {
  const freshness = new Freshness();
  freshness.remember(key.publicKey.keyId, 100);
  t.equal(codeOf(freshness, order({ ctr: 100 })), 'REPLAYED');
  t.equal(codeOf(freshness, order({ ctr: 101 })), 'ok');
  t.equal(codeOf(freshness, order({ ctr: 37 })), 'ok');
  t.equal(codeOf(freshness, order({ ctr: 36 })), 'REPLAYED');
  t.equal(codeOf(freshness, order({ ctr: 100, iss: new Uint8Array(8) })), 'ok', 'another issuer');
});

await t.test('judging changes nothing until the order is remembered', async (t) => {
  const freshness = new Freshness();
  const one = order({ ctr: 5 });
  t.equal(codeOf(freshness, one), 'ok');
  t.equal(codeOf(freshness, one), 'ok');
  freshness.remember(one.iss, one.ctr);
  t.equal(codeOf(freshness, one), 'REPLAYED');
});

/** The plainest thing that can be right: all counters ever used. */
class NaiveWindow {
  readonly used = new Map<number, Set<number>>();

  fresh(issuer: number, ctr: number): boolean {
    const used = this.used.get(issuer) ?? new Set();
    return !used.has(ctr) && ctr > Math.max(0, ...used) - 64;
  }
  remember(issuer: number, ctr: number): void {
    this.used.set(issuer, (this.used.get(issuer) ?? new Set()).add(ctr));
  }
}

await t.test('the window agrees with a list of all counters, across restarts', async (t) => {
  const step = fc.record({
    issuer: fc.nat(1),
    ctr: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 })),
    restart: fc.boolean(),
  });
  const issuerId = (n: number) => utf8(`issuer-${n}`);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const naive = new NaiveWindow();
      let freshness = new Freshness();
      for (const { issuer, ctr, restart } of steps) {
        const fresh = naive.fresh(issuer, ctr);
        if (freshness.judge(order({ iss: issuerId(issuer), ctr }), at(0)).ok !== fresh) return false;
        if (fresh) {
          naive.remember(issuer, ctr);
          freshness.remember(issuerId(issuer), ctr);
        }
        if (!restart) continue;
        const stored = freshness.snapshot();
        freshness = new Freshness();
        freshness.restore(stored);
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

await t.test('an order is good from its not-before to its end', async (t) => {
  const freshness = new Freshness();
  const timed = order({ nbf: 1000, exp: 1010 });
  t.equal(codeOf(freshness, timed, at(999)), 'NOT_YET_VALID');
  t.equal(codeOf(freshness, timed, at(1000)), 'ok');
  t.equal(codeOf(freshness, timed, at(1009)), 'ok');
  t.equal(codeOf(freshness, timed, at(1010)), 'EXPIRED');
});

await t.test('a clock set back does not revive an order, and the floor outlives a restart', async (t) => {
  const freshness = new Freshness({ floor: 500 });
  t.equal(codeOf(freshness, order({ exp: 400 }), at(0)), 'EXPIRED', 'older than the build');
  freshness.noteTime(2000);
  freshness.noteTime(1000);
  t.equal(codeOf(freshness, order({ exp: 1500 }), at(0)), 'EXPIRED');
  const restarted = new Freshness();
  restarted.restore(freshness.snapshot());
  t.equal(codeOf(restarted, order({ exp: 1500 }), at(0)), 'EXPIRED');
  t.equal(codeOf(restarted, order({ exp: 2500 }), at(0)), 'ok');
});

await t.test(
  'a nonce is judged by monotonic time since it was given out, whatever the wall clock says',
  async (t) => {
    const freshness = new Freshness({ nonces: 2 });
    const nonce = utf8('nonce number one');
    const quoting = order({ exp: undefined, nonce, maxAge: 60 });
    t.equal(codeOf(freshness, quoting, at(0, 5000)), 'EXPIRED', 'never given out');
    freshness.noteNonce(nonce, 5000);
    t.equal(codeOf(freshness, quoting, at(9_999_999_999, 65_000)), 'ok');
    t.equal(codeOf(freshness, quoting, at(0, 65_001)), 'EXPIRED');
    freshness.noteNonce(utf8('nonce number two'), 6000);
    freshness.noteNonce(utf8('nonce number 3!!'), 7000);
    t.equal(codeOf(freshness, quoting, at(0, 7000)), 'EXPIRED', 'forgotten after two newer ones');
    const restarted = new Freshness();
    restarted.restore(freshness.snapshot());
    const second = order({ exp: undefined, nonce: utf8('nonce number two'), maxAge: 60 });
    t.equal(codeOf(freshness, second, at(0, 7000)), 'ok');
    t.equal(codeOf(restarted, second, at(0, 7000)), 'EXPIRED', 'after a restart');
  },
);

await t.test('where an order has both an end and a nonce, both must hold', async (t) => {
  const freshness = new Freshness();
  const nonce = utf8('nonce number one');
  freshness.noteNonce(nonce, 0);
  t.equal(codeOf(freshness, order({ exp: 1500, nonce, maxAge: 60 }), at(1000, 0)), 'ok');
  t.equal(codeOf(freshness, order({ exp: 500, nonce, maxAge: 60 }), at(1000, 0)), 'EXPIRED');
  t.equal(codeOf(freshness, order({ exp: 1500, nonce, maxAge: 60 }), at(1000, 61_000)), 'EXPIRED');
});

await t.test('a disable order does not expire, but is not replayed either', async (t) => {
  const freshness = new Freshness();
  const disable = order({ verb: 'machine.disable', ctr: 7, exp: 10, nonce: utf8('gone'), maxAge: 1 });
  t.equal(codeOf(freshness, disable, at(1_000_000)), 'ok');
  freshness.remember(counterWindow(disable), 7);
  t.equal(codeOf(freshness, disable, at(1_000_000)), 'REPLAYED');
});

await t.test(
  'an order of two people is not too old for what its issuer has ordered alone since',
  async (t) => {
    const freshness = new Freshness();
    const disable = order({ verb: 'machine.disable', ctr: 7, exp: undefined });
    const status = order({ ctr: 1_000_000 });
    freshness.remember(counterWindow(status), status.ctr);
    t.equal(codeOf(freshness, disable, at(0)), 'ok');
    freshness.remember(counterWindow(order({ verb: 'machine.enable', ctr: 90 })), 90);
    t.equal(codeOf(freshness, disable, at(0)), 'REPLAYED', 'but for a later one of two people it is');
    t.equal(codeOf(freshness, order({ ctr: 1_000_001 }), at(0)), 'ok');
  },
);

await t.test('a damaged snapshot is an error, and one restored twice or late loses nothing', async (t) => {
  const freshness = new Freshness({ floor: 9 });
  freshness.remember(key.publicKey.keyId, 70);
  const stored = freshness.snapshot();
  for (const bytes of [
    stored.subarray(1),
    stored.subarray(0, -1),
    new Uint8Array([...stored, 0]),
    utf8('x'),
  ]) {
    t.throws(() => new Freshness().restore(bytes), { code: 'NS_FRESHNESS_INVALID' });
  }
  freshness.remember(key.publicKey.keyId, 75);
  freshness.restore(stored);
  freshness.restore(stored);
  for (const ctr of [70, 75]) t.equal(codeOf(freshness, order({ ctr })), 'REPLAYED');
  for (const ctr of [74, 76]) t.equal(codeOf(freshness, order({ ctr })), 'ok');
});
