import fc from 'fast-check';
import t from 'tap';
import type { KeyStore } from '../../../src/ports/index.ts';
import type { Order } from '../../../src/protocol/index.ts';
import { counterWindow, Freshness } from '../../../src/security/index.ts';
import { chainOf } from '../../kit/grants.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const AT = { wallSeconds: 0, monotonic: 0 };
const MANY = 40;

interface Given {
  readonly key: KeyStore;
  readonly grants: readonly Uint8Array[];
}

/** Rights that these keys have passed on to many others each. */
async function passedOn(givers: readonly KeyStore[]): Promise<Given[][]> {
  return Promise.all(
    givers.map((giver) =>
      Promise.all(
        Array.from({ length: MANY }, async () => {
          const key = testKey();
          return { key, grants: await chainOf([giver, key]) };
        }),
      ),
    ),
  );
}

const givers = [testKey(), testKey()];
const holders = await passedOn(givers);
const orderOf = ({ key, grants }: Given, ctr: number, exp: number): Order =>
  testOrder(key, { grants, ctr, exp });

function take(freshness: Freshness, order: Order): string {
  const verdict = freshness.judge(order, AT);
  if (!verdict.ok) return verdict.refusal.code;
  freshness.remember(counterWindow(order), order.ctr);
  return 'ok';
}

const restarted = (freshness: Freshness): Freshness => {
  const next = new Freshness();
  next.restore(freshness.snapshot());
  return next;
};

await t.test('any number of keys for one right take no more room than a few', async (t) => {
  const freshness = new Freshness();
  const [many] = holders;
  for (const [n, holder] of many!.entries()) {
    t.equal(take(freshness, orderOf(holder, 1, 1000 + n)), 'ok');
  }
  const few = new Freshness();
  for (const [n, holder] of many!.slice(0, 16).entries()) take(few, orderOf(holder, 1, 1000 + n));
  t.ok(freshness.snapshot().byteLength <= few.snapshot().byteLength + 64);
  const plain = testOrder(givers[0]!, { ctr: 1, exp: 1000 });
  t.equal(take(freshness, plain), 'ok', "the giver's own orders are not among them");
});

await t.test('what was forgotten cannot be given again, before and after a restart', async (t) => {
  let freshness = new Freshness();
  const [many, others] = holders;
  const orders = many!.map((holder, n) => orderOf(holder, 1, 1000 + n));
  for (const order of orders) take(freshness, order);
  for (const when of ['before', 'after']) {
    for (const order of orders) {
      const verdict = freshness.judge(order, AT);
      t.equal(verdict.ok ? 'ok' : verdict.refusal.code, 'REPLAYED', when);
    }
    freshness = restarted(freshness);
  }
  t.equal(take(freshness, orderOf(many![0]!, 2, 2000)), 'ok', 'an order that ends later is new');
  t.equal(take(freshness, orderOf(many![0]!, 1, 1000)), 'REPLAYED', 'and the old one is not');
  t.equal(
    take(freshness, orderOf(others![0]!, 1, 500)),
    'ok',
    'rights of another giver have room of their own',
  );
});

await t.test(
  'what one side has forgotten, another that remembers a part of it does not revive',
  async (t) => {
    const whole = new Freshness();
    const [many] = holders;
    const two = [orderOf(many![0]!, 1, 1000), orderOf(many![0]!, 2, 1000)];
    for (const order of two) take(whole, order);
    for (const [n, holder] of many!.slice(1).entries()) take(whole, orderOf(holder, 1, 2000 + n));
    const part = new Freshness();
    part.remember(counterWindow(two[0]!), 1);
    part.restore(whole.snapshot());
    for (const order of two) t.equal(take(part, order), 'REPLAYED');
  },
);

const step = fc.record({
  giver: fc.nat(1),
  holder: fc.nat(MANY - 1),
  ctr: fc.integer({ min: 1, max: 100 }),
  exp: fc.integer({ min: 1, max: 60 }),
  next: fc.constantFrom('on', 'on', 'on', 'restart', 'merge'),
});

await t.test('no order is taken twice, whatever is forgotten, stored and read back', async (t) => {
  let ok = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 160 }), (steps) => {
      const used = new Set<string>();
      let freshness = new Freshness();
      let old = freshness.snapshot();
      const since: Order[] = [];
      for (const [n, { giver, holder, ctr, exp, next: after }] of steps.entries()) {
        // Ends rise slowly, as they do where many are valid for some minutes.
        const order = orderOf(holders[giver]![holder]!, ctr, n + exp);
        const id = `${giver}/${holder}/${ctr}/${order.exp}`;
        if (take(freshness, order) === 'ok') {
          if (used.has(id)) return false;
          used.add(id);
          ok += 1;
          since.push(order);
        }
        if (after === 'restart') freshness = restarted(freshness);
        if (after === 'merge') {
          // As a journal is read: a snapshot, what came after it, and perhaps another snapshot.
          const next = new Freshness();
          next.restore(old);
          for (const each of since) next.remember(counterWindow(each), each.ctr);
          if (n % 2 === 0) next.restore(freshness.snapshot());
          freshness = next;
          old = freshness.snapshot();
          since.length = 0;
        }
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.ok(ok > 500);
});
