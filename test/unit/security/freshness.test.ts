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
  freshness.noteTime(2000, 0);
  freshness.noteTime(1000, 0);
  t.equal(codeOf(freshness, order({ exp: 1500 }), at(0)), 'EXPIRED');
  const restarted = new Freshness();
  restarted.restore(freshness.snapshot());
  t.equal(codeOf(restarted, order({ exp: 1500 }), at(0)), 'EXPIRED');
  t.equal(codeOf(restarted, order({ exp: 2500 }), at(0)), 'ok');
});

/** Clocks as they are found: dead since 1970, far in the future, right, and any. */
const WALLS = [0, 4_102_444_800, 1_795_300_000];
const booted = (seed = 5): Freshness => new Freshness({ nonceKey: new Uint8Array(32).fill(seed) });
const bound = (nonce: Uint8Array, maxAge: number, change = {}): Order =>
  order({ exp: undefined, nonce, maxAge, ...change });

await t.test(
  'a nonce is judged by monotonic time since it was given out, whatever the wall clock says',
  async (t) => {
    const freshness = booted();
    const nonce = freshness.giveNonce(5000);
    for (const wall of WALLS) {
      t.equal(codeOf(freshness, bound(nonce, 60), at(wall, 5000)), 'ok');
      t.equal(codeOf(freshness, bound(nonce, 60), at(wall, 65_000)), 'ok');
      t.equal(codeOf(freshness, bound(nonce, 60), at(wall, 65_001)), 'EXPIRED');
      t.equal(codeOf(freshness, bound(nonce, 60), at(wall, 4999)), 'EXPIRED', 'given out later than now');
    }
  },
);

await t.test('a nonce of another boot, or one that was altered, is worth nothing', async (t) => {
  const freshness = booted();
  const nonce = freshness.giveNonce(2 ** 33 + 17);
  const later = at(0, 2 ** 33 + 17);
  t.equal(codeOf(freshness, bound(nonce, 60), later), 'ok', 'after months without a restart too');
  t.equal(codeOf(booted(6), bound(nonce, 60), later), 'EXPIRED', 'after a restart');
  const restored = booted(6);
  restored.restore(freshness.snapshot());
  t.equal(codeOf(restored, bound(nonce, 60), later), 'EXPIRED', 'what is stored holds no nonces');
  t.equal(codeOf(new Freshness(), bound(nonce, 60), later), 'EXPIRED');
  for (let bit = 0; bit < 128; bit += 1) {
    const altered = new Uint8Array(nonce);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    if (codeOf(freshness, bound(altered, 86_400), later) !== 'EXPIRED') t.fail(`bit ${bit}`);
  }
  for (const size of [0, 6, 15, 17]) {
    const odd = new Uint8Array(size);
    odd.set(nonce.subarray(0, size));
    t.equal(codeOf(freshness, bound(odd, 60), later), 'EXPIRED', `${size} bytes`);
  }
  t.throws(() => new Freshness().giveNonce(0), { code: 'NS_NO_NONCE' });
});

await t.test('however many nonces are given out, each stays good for its time', async (t) => {
  const freshness = booted();
  const first = freshness.giveNonce(0);
  for (let i = 1; i <= 10_000; i += 1) freshness.giveNonce(i);
  t.equal(codeOf(freshness, bound(first, 60), at(0, 10_000)), 'ok');
});

await t.test('where an order has both an end and a nonce, both must hold', async (t) => {
  const freshness = booted();
  const nonce = freshness.giveNonce(0);
  t.equal(codeOf(freshness, bound(nonce, 60, { exp: 1500 }), at(1000, 0)), 'ok');
  t.equal(codeOf(freshness, bound(nonce, 60, { exp: 500 }), at(1000, 0)), 'EXPIRED');
  t.equal(codeOf(freshness, bound(nonce, 60, { exp: 1500 }), at(1000, 61_000)), 'EXPIRED');
});

await t.test(
  'signed time goes on by our own clock, a little slow, and outlives a jump of the wall clock',
  async (t) => {
    const freshness = new Freshness({ floor: 1_000_000, startedAt: 50_000 });
    t.equal(freshness.surely(50_000), 1_000_000);
    t.equal(freshness.surely(50_000 + 1_000_000), 1_000_999);
    const order10 = order({ exp: 1_000_010 });
    for (const wall of [0, 999_999]) {
      t.equal(codeOf(freshness, order10, at(wall, 59_000)), 'ok');
      t.equal(codeOf(freshness, order10, at(wall, 61_000)), 'EXPIRED');
    }
    t.equal(freshness.floor, 1_000_000, 'what is stored is what was signed');
  },
);

await t.test('the floor never moves back, and nothing that has surely passed comes again', async (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('note' as const), seconds: fc.nat(2_000_000) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat(100_000_000) }),
    fc.record({ do: fc.constant('judge' as const), wall: fc.nat(4_200_000_000) }),
    fc.record({ do: fc.constant('restore' as const), floor: fc.nat(2_000_000) }),
    fc.record({ do: fc.constant('restart' as const), uptime: fc.nat(100_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let freshness = new Freshness({ floor: 1000 });
      let monotonic = 0;
      let floor = freshness.floor;
      let surely = freshness.surely(0);
      for (const one of steps) {
        if (one.do === 'note') freshness.noteTime(one.seconds, monotonic);
        if (one.do === 'pass') monotonic += one.ms;
        if (one.do === 'judge') freshness.judge(order({ exp: 1_500_000 }), at(one.wall, monotonic));
        if (one.do === 'restore') {
          const other = new Freshness({ floor: one.floor });
          freshness.restore(other.floorSnapshot());
        }
        if (one.do === 'restart') {
          const stored = freshness.snapshot();
          monotonic = one.uptime;
          freshness = new Freshness({ floor: 1000, startedAt: monotonic });
          freshness.restore(stored);
          surely = floor;
        }
        if (freshness.floor < floor || freshness.surely(monotonic) < surely) return false;
        if (freshness.surely(monotonic) < freshness.floor) return false;
        floor = freshness.floor;
        surely = freshness.surely(monotonic);
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

await t.test(
  'the end of a grant is judged by signed time alone where the machine is to be disabled',
  async (t) => {
    const freshness = new Freshness({ floor: 1000 });
    t.equal(freshness.timeFor(order(), at(4_102_444_800)), 4_102_444_800);
    t.equal(freshness.timeFor(order({ verb: 'machine.enable' }), at(0)), 1000);
    t.equal(freshness.timeFor(order({ verb: 'machine.disable' }), at(4_102_444_800)), 1000);
  },
);

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
