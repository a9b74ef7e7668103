import fc from 'fast-check';
import t from 'tap';
import { toHex } from '../../../../src/base/index.ts';
import {
  findFork,
  hearToken,
  judgeToken,
  marksKept,
  type SeenToken,
  type SpentMark,
} from '../../../../src/security/budget/budget-rules.ts';
import { BudgetBench } from '../../../kit/budget-bench.ts';

const LIMITS = { lock: 3, wipe: 2 };
const kind = fc.constantFrom('lock', 'wipe');
const device = fc.constantFrom('host1', 'host2', 'host3');
const token = fc.record({
  epoch: fc.integer({ min: 1, max: 4 }),
  for: kind,
  n: fc.integer({ min: 1, max: 5 }),
  device,
});
const seenToken = fc.record({
  epoch: fc.integer({ min: 1, max: 4 }),
  for: kind,
  n: fc.integer({ min: 1, max: 5 }),
  device,
  governor: fc.constantFrom('aa', 'bb'),
  packet: fc.constant(new Uint8Array(0)),
});

type Number3 = Pick<SeenToken, 'epoch' | 'for' | 'n'>;
const numberOf = ({ epoch, for: of, n }: Number3) => `${epoch}/${of}/${n}`;

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('use' as const), token, order: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hear' as const), token }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

await t.test(
  'whatever is given and heard in whatever order, over restarts: no epoch takes more than its limit here',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const b = await new BudgetBench({ initial: LIMITS }).start();
        const taken = new Map<string, string>();
        for (const each of steps) {
          if (each.do === 'restart') await b.start();
          else if (each.do === 'hear') await b.budget.hear(await b.token(each.token));
          else {
            const { token: wish } = each;
            const order = b.order(wish.for, await b.token(wish), { id: new Uint8Array(16).fill(each.order) });
            const refused = await b.give(order);
            if (refused !== undefined) continue;
            const id = toHex(order.id);
            const before = taken.get(numberOf(wish));
            if (wish.device !== 'host1' || wish.n > LIMITS[wish.for])
              throw new Error('a wrong token was taken');
            if (before !== undefined && before !== id) throw new Error('a token was taken twice');
            taken.set(numberOf(wish), id);
          }
        }
        for (const of of ['lock', 'wipe'] as const) {
          for (const epoch of [1, 2, 3, 4]) {
            const orders = [...taken.keys()].filter((number) => number.startsWith(`${epoch}/${of}/`));
            if (orders.length > LIMITS[of]) throw new Error(`${orders.length} of ${of} in epoch ${epoch}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  },
);

const hearAll = (tokens: readonly SeenToken[], seen: readonly SeenToken[] = []) =>
  tokens.reduce((so, each) => hearToken(so, each).seen, seen);

await t.test(
  'more gossip, true or bought from a governor, never allows what less of it refuses',
  async () => {
    const mark: fc.Arbitrary<SpentMark> = fc.record({
      epoch: fc.integer({ min: 1, max: 4 }),
      for: kind,
      n: fc.integer({ min: 1, max: 5 }),
      governor: fc.constantFrom('aa', 'bb'),
      order: fc.constantFrom('01', '02'),
    });
    fc.assert(
      fc.property(
        fc.array(seenToken, { maxLength: 12 }),
        fc.array(seenToken, { maxLength: 6 }),
        fc.array(mark, { maxLength: 4 }),
        seenToken,
        (some, more, marks, wish) => {
          const spent = marks.reduce<readonly SpentMark[]>((so, each) => marksKept(so, each), []);
          const judge = (seen: readonly SeenToken[]) =>
            judgeToken(wish, '03', { limits: LIMITS, seen, spent }).ok;
          const before = hearAll(some);
          return judge(before) || !judge(hearAll(more, before));
        },
      ),
      { numRuns: 2000 },
    );
  },
);

await t.test(
  'two tokens of one number in the newest epoch are a fork, in whatever order they come',
  async () => {
    fc.assert(
      fc.property(
        fc.array(seenToken, { maxLength: 12 }),
        fc.record({ for: kind, n: fc.integer({ min: 1, max: 5 }), governor: fc.constantFrom('aa', 'bb') }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 12 }),
        (others, number, first, second) => {
          const pair = (['host1', 'host2'] as const).map((name) => ({
            ...number,
            epoch: 4,
            device: name,
            packet: new Uint8Array(0),
          }));
          const all = [...others];
          all.splice(Math.min(first, all.length), 0, pair[0]!);
          all.splice(Math.min(second, all.length), 0, pair[1]!);
          return findFork(hearAll(all), 4) !== undefined;
        },
      ),
      { numRuns: 1000 },
    );
  },
);

await t.test('what is remembered stays small whatever a governor signs', async () => {
  fc.assert(
    fc.property(fc.array(seenToken, { maxLength: 60 }), (tokens) => {
      const perNumber = new Map<string, number>();
      for (const each of hearAll(tokens)) {
        const key = `${each.governor} ${numberOf(each)}`;
        perNumber.set(key, (perNumber.get(key) ?? 0) + 1);
      }
      return [...perNumber.values()].every((count) => count <= 2);
    }),
  );
});
