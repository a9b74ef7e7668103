import t from 'tap';
import type { Order } from '../../../../src/protocol/index.ts';
import type { BudgetSigner } from '../../../../src/security/index.ts';
import { BudgetBench } from '../../../kit/budget-bench.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';

await t.test('every way to bring a wrong token, and its answer', async (t) => {
  const b = await new BudgetBench().start();
  const officer = testKey();
  const stranger = testKey();
  const former = testKey();
  b.ring.current = testKeyring({
    gina: [b.governor, 'governor'],
    fred: [former, 'governor'],
    sam: [officer, 'security'],
  });
  const cases: readonly [what: string, order: Order, code: string, signers?: readonly BudgetSigner[]][] = [
    ['none', b.order('lock', undefined), 'NEEDS_TOKEN'],
    ['junk', b.order('lock', new Uint8Array(40)), 'TOKEN_INVALID'],
    ['too large', b.order('lock', new Uint8Array(513)), 'TOKEN_INVALID'],
    ['of another device', b.order('lock', await b.token({ device: 'host2' })), 'TOKEN_INVALID'],
    ['of another tenant', b.order('lock', await b.token({}, b.governor, 'other')), 'TOKEN_INVALID'],
    ['of the other kind', b.order('lock', await b.token({ for: 'wipe' })), 'TOKEN_INVALID'],
    ['of the other kind, too', b.order('wipe', await b.token()), 'TOKEN_INVALID'],
    ['signed by nobody known', b.order('lock', await b.token({}, stranger)), 'TOKEN_INVALID'],
    ['signed by an officer', b.order('lock', await b.token({}, officer)), 'TOKEN_INVALID'],
    ['with a number above the limit', b.order('lock', await b.token({ n: 4 })), 'BUDGET_SPENT'],
    [
      'by a governor who signed the order too',
      b.order('lock', await b.token()),
      'TOKEN_INVALID',
      [{ name: 'sam' }, { name: 'g2', person: ' GINA ' }],
    ],
    [
      'for a group',
      b.order('lock', await b.token({ device: 'rack1' }), { aud: { to: 'group', name: 'rack1' } }),
      'WRONG_AUDIENCE',
    ],
    [
      'for a group, none',
      b.order('lock', undefined, { aud: { to: 'group', name: 'rack1' } }),
      'WRONG_AUDIENCE',
    ],
    [
      'at an order that takes none',
      b.order('lock', await b.token(), { verb: 'machine.enable' }),
      'TOKEN_INVALID',
    ],
    [
      'at a delete of a single file',
      b.order('wipe', await b.token({ for: 'wipe' }), { args: { path: '/srv/x' } }),
      'TOKEN_INVALID',
    ],
  ];
  for (const [what, order, code, signers] of cases) t.equal(await b.give(order, signers), code, what);
  const revoked = b.order('lock', await b.token({ n: 2 }, former));
  b.ring.current = testKeyring({ gina: [b.governor, 'governor'] });
  t.equal(await b.give(revoked), 'TOKEN_INVALID', 'by a governor who was revoked');
  t.same(b.events, [], 'none of it has used up anything');
  t.equal(await b.use(), undefined);
});

await t.test('every byte of a token counts', async (t) => {
  const b = await new BudgetBench().start();
  const token = await b.token();
  for (let at = 0; at < token.byteLength; at += 1) {
    const bent = token.slice();
    bent[at]! ^= 1;
    t.equal(await b.give(b.order('lock', bent)), 'TOKEN_INVALID', `byte ${at}`);
  }
});

await t.test('a token serves one order, and that one again', async (t) => {
  const b = await new BudgetBench().start();
  const token = await b.token();
  const order = b.order('lock', token);
  t.equal(await b.give(order), undefined);
  t.equal(await b.give(order), undefined, 'the same order, delivered again');
  t.equal(await b.give(b.order('lock', token)), 'TOKEN_SPENT');
  t.equal(await b.use({ at: 77 }), 'TOKEN_SPENT', 'the same number, signed again');
  await b.start();
  t.equal(await b.give(order), undefined, 'also after a restart');
  t.equal(await b.give(b.order('lock', token)), 'TOKEN_SPENT');
});

await t.test('another order under the id of the one that spent the token is another order', async (t) => {
  const b = await new BudgetBench().start();
  const token = await b.token();
  const order = b.order('lock', token);
  t.equal(await b.give(order), undefined);
  t.equal(
    await b.give({ ...order, ctr: order.ctr + 1 }),
    'TOKEN_SPENT',
    'given anew, once the first is forgotten',
  );
  await b.start();
  t.equal(await b.give({ ...order, ctr: order.ctr + 1 }), 'TOKEN_SPENT', 'also after a restart');
  t.equal(await b.give(order), undefined);
});

await t.test('without a governor nothing is destroyed, and the answer says why', async (t) => {
  const b = await new BudgetBench().start();
  b.ring.current = testKeyring({ sam: [testKey(), 'security'] });
  t.match(b.budget.judge(b.order('lock', undefined), []), {
    refusal: { code: 'NEEDS_TOKEN', sentence: /No governor is enrolled/, remedy: /Enrol a governor/ },
  });
  t.equal(b.budget.judge(b.order('lock', undefined, { verb: 'machine.enable' }), []).ok, true);
});

await t.test('a dry run needs no token, is told of a wrong one, and uses none up', async (t) => {
  const b = await new BudgetBench().start();
  const args = { path: '/srv', recursive: true, dryRun: true };
  t.equal(await b.give(b.order('wipe', undefined, { args })), undefined);
  t.equal(await b.give(b.order('wipe', await b.token({ for: 'wipe' }), { args })), undefined);
  t.equal(await b.give(b.order('wipe', await b.token({ for: 'wipe', n: 3 }), { args })), 'BUDGET_SPENT');
  t.equal(await b.use({ for: 'wipe' }), undefined, 'the token is as good as before');
});

await t.test('an epoch is over when two later ones have begun', async (t) => {
  const b = await new BudgetBench().start();
  t.equal(await b.use({ epoch: 5 }), undefined);
  t.equal(await b.use({ epoch: 4 }), undefined, 'an order may be on its way while the next epoch begins');
  t.equal(await b.use({ epoch: 3 }), 'TOKEN_INVALID');
  t.equal(await b.budget.hear(await b.token({ epoch: 6, device: 'host9' })), 'new');
  t.equal(await b.use({ epoch: 4, n: 2 }), 'TOKEN_INVALID', 'gossip moves it on');
});

await t.test('what was used elsewhere is used here', async (t) => {
  const b = await new BudgetBench().start();
  for (const n of [1, 2, 3])
    t.equal(await b.budget.hear(await b.token({ n, device: `host${n + 1}` })), 'new');
  t.equal(await b.budget.hear(await b.token({ n: 1, device: 'host2' })), 'known');
  t.match(b.budget.status(), { epoch: 1, used: { lock: 3, wipe: 0 }, forked: [] });
  await b.budget.update({ version: 1, lock: 2, wipe: 2 });
  t.equal(await b.use({ n: 2 }), 'BUDGET_FORKED', 'a number that another device has');
  t.equal(await b.use({ epoch: 2 }), undefined);
  for (const n of [2, 3]) await b.budget.hear(await b.token({ epoch: 2, n, device: 'host2' }));
  t.equal(await b.use({ epoch: 3, n: 2 }), undefined);
});

await t.test(
  'more numbers in use than there is room for: the ones that are left count no more',
  async (t) => {
    const b = await new BudgetBench().start();
    for (const n of [2, 3, 4]) await b.budget.hear(await b.token({ n, device: 'host2' }));
    t.equal(await b.use({ n: 1 }), 'BUDGET_SPENT');
    t.equal(await b.use({ for: 'wipe', n: 1 }), undefined, 'the other kind has a budget of its own');
  },
);

await t.test(
  'a fork is found whichever is heard first, and ends with its epoch or its governor',
  async (t) => {
    for (const order of [
      ['host1', 'host2'],
      ['host2', 'host1'],
    ]) {
      const b = await new BudgetBench().start();
      for (const device of order) await b.budget.hear(await b.token({ n: 2, device }));
      t.match(b.events, [{ is: 'forked', fork: { epoch: 1, for: 'lock', n: 2 } }]);
      for (const kind of ['lock', 'wipe'] as const) t.equal(await b.use({ for: kind }), 'BUDGET_FORKED');
      await b.start();
      t.equal(await b.use(), 'BUDGET_FORKED', 'also after a restart');
      t.same(b.budget.status().forked, [1]);
      const next = testKey();
      b.ring.current = testKeyring({ gina: [b.governor, 'governor'], greg: [next, 'governor'] });
      t.equal(
        await b.give(b.order('lock', await b.token({}, next))),
        'BUDGET_FORKED',
        'numbers are those of the fleet, whoever signs them',
      );
      t.equal(await b.use({ epoch: 2 }), undefined, 'the next epoch');
      b.ring.current = testKeyring({ greg: [next, 'governor'] });
      t.equal(await b.give(b.order('lock', await b.token({}, next))), undefined, 'without who forked it');
      t.same(b.budget.status().forked, []);
    }
  },
);

await t.test('a revoked governor who had run far ahead holds nobody up, and frees nothing', async (t) => {
  const b = await new BudgetBench().start();
  const rogue = testKey();
  b.ring.current = testKeyring({ gina: [b.governor, 'governor'], rob: [rogue, 'governor'] });
  t.equal(await b.use(), undefined);
  await b.budget.hear(await b.token({ epoch: 2 ** 53 - 1, device: 'host2' }, rogue));
  t.equal(await b.use({ n: 2 }), 'TOKEN_INVALID');
  b.ring.current = testKeyring({ gina: [b.governor, 'governor'] });
  t.equal(await b.use({ n: 2 }), undefined);
  t.equal(await b.use({ n: 1 }), 'TOKEN_SPENT', 'what was spent stays spent');
});

await t.test('what is not authentic is not heard, and what is heard is told on', async (t) => {
  const b = await new BudgetBench().start();
  const told: Uint8Array[] = [];
  const stop = b.budget.onNews((packet) => told.push(packet));
  for (const lie of [
    new Uint8Array(0),
    new Uint8Array(400),
    await b.token({}, testKey()),
    await b.token({}, b.governor, 'other'),
  ])
    t.equal(await b.budget.hear(lie), 'refused');
  const [one, two] = [await b.token({ device: 'host2' }), await b.token({ epoch: 2, device: 'host3' })];
  for (const packet of [one, two, one]) await b.budget.hear(packet);
  t.same(told, [one, two], 'news once');
  t.same(b.budget.told(), [two, one], 'the newest epoch first');
  await b.use({ epoch: 2, n: 2 });
  t.equal(told.length, 3, 'and what is used here');
  stop();
  await b.use({ epoch: 2, n: 3 });
  t.equal(told.length, 3);
});

await t.test('two orders with one token, at the same moment: one of them', async (t) => {
  const b = await new BudgetBench().start();
  const token = await b.token();
  const given = await Promise.all([b.give(b.order('lock', token)), b.give(b.order('lock', token))]);
  t.same(given, [undefined, 'TOKEN_SPENT']);
});
