import t from 'tap';
import { hours, seconds } from '../../../../src/base/index.ts';
import { BudgetBench } from '../../../kit/budget-bench.ts';

const room = (b: BudgetBench) => b.budget.status().inForce;

await t.test('down at once, up only after the delay', async (t) => {
  const b = await new BudgetBench().start();
  t.same(room(b), { lock: 3, wipe: 2 });
  await b.budget.update({ version: 1, lock: 1, wipe: 2 });
  t.same(room(b), { lock: 1, wipe: 2 });
  t.equal(await b.use({ n: 2 }), 'BUDGET_SPENT');
  await b.budget.update({ version: 2, lock: 5, wipe: 1 });
  t.same(room(b), { lock: 1, wipe: 1 }, 'what one change lowers and raises');
  t.match(b.budget.status(), { version: 2, pending: { limits: { lock: 5, wipe: 1 }, left: hours(24) } });
  await b.pass(23);
  t.same(room(b), { lock: 1, wipe: 1 });
  await b.budget.pass(seconds(3599));
  t.equal(await b.use({ n: 2 }), 'BUDGET_SPENT', 'not a second before');
  await b.budget.pass(seconds(1));
  t.same(room(b), { lock: 5, wipe: 1 });
  t.equal(await b.use({ n: 2 }), undefined);
  t.equal(b.budget.status().pending, undefined);
  const said = b.events.filter(({ is }) => is === 'changed' || is === 'pending');
  t.match(said, [
    { is: 'changed', version: 1 },
    { is: 'changed', version: 2, limits: { lock: 1, wipe: 1 } },
    { is: 'pending', version: 2, limits: { lock: 5, wipe: 1 } },
    { is: 'changed', version: 2, limits: { lock: 5, wipe: 1 } },
  ]);
});

await t.test('a later change takes the place of a raise that waits, and its wait begins anew', async (t) => {
  const b = await new BudgetBench().start();
  await b.budget.update({ version: 1, lock: 100, wipe: 2 });
  await b.pass(23);
  await b.budget.update({ version: 2, lock: 3, wipe: 2 });
  await b.pass(48);
  t.same(room(b), { lock: 3, wipe: 2 }, 'cancelled');
  await b.budget.update({ version: 3, lock: 100, wipe: 2 });
  await b.pass(23);
  await b.budget.update({ version: 4, lock: 101, wipe: 2 });
  await b.pass(23);
  t.same(room(b), { lock: 3, wipe: 2 });
  await b.pass(1);
  t.same(room(b), { lock: 101, wipe: 2 });
});

await t.test('versions rise; the same change again is none', async (t) => {
  const b = await new BudgetBench().start();
  const code = async (version: number, lock: number) => {
    const done = await b.budget.update({ version, lock, wipe: 2 });
    return done.ok ? done.value.changed : done.refusal.code;
  };
  t.equal(await code(7, 9), true);
  t.equal(await code(7, 9), false);
  t.equal(await code(7, 8), 'BUDGET_OLDER', 'two changes under one version');
  t.equal(await code(6, 1), 'BUDGET_OLDER');
  t.equal(await code(0, 3), 'BUDGET_OLDER');
  t.match(b.budget.judgeUpdate({ version: 8, lock: 1, wipe: 1 }), { ok: true, value: { changed: true } });
  t.equal(b.budget.status().version, 7, 'judging changes nothing');
});

await t.test('no version is the last: a slip or a stolen key closes no budget for good', async (t) => {
  const b = await new BudgetBench().start();
  const give = async (version: number, lock: number) => {
    const done = await b.budget.update({ version, lock, wipe: 2 });
    return done.ok ? done.value.changed : done.refusal.code;
  };
  t.equal(await give(Number.MAX_SAFE_INTEGER, 0), 'MESSAGE_INVALID');
  t.equal(room(b).lock, 3);
  t.equal(await give(20_261_121_000, 0), 'MESSAGE_INVALID');
  t.equal(await give(2_026_112_100, 0), true, 'a date may be one');
  t.equal(await give(2_026_112_101, 3), true);
  await b.pass(24);
  t.equal(room(b).lock, 3);
});

await t.test('the wait goes on over restarts, and counts only what was surely waited', async (t) => {
  const b = await new BudgetBench().start();
  await b.budget.update({ version: 1, lock: 9, wipe: 9 });
  for (let n = 0; n < 23; n += 1) {
    await b.pass(1);
    await b.start();
  }
  t.match(b.budget.status().pending, { left: hours(1) });
  for (let n = 0; n < 100; n += 1) {
    await b.pass(1, seconds(50));
    await b.start();
  }
  t.same(room(b), { lock: 3, wipe: 2 }, 'what was lost with the power is no wait');
  await b.budget.pass(seconds(1800));
  await b.budget.close();
  await b.start();
  t.match(b.budget.status().pending, { left: hours(0.5) }, 'an orderly stop loses nothing');
  await b.budget.pass(seconds(1800));
  t.same(room(b), { lock: 9, wipe: 9 });
  await b.start();
  t.same(room(b), { lock: 9, wipe: 9 });
});

await t.test(
  'a device that never runs for an hour gets its budget, and its share of a day, too',
  async (t) => {
    const b = await new BudgetBench().start();
    const key = new Uint8Array(8).fill(1);
    t.ok((await b.budget.takePlain(key, 20)).ok);
    t.notOk((await b.budget.takePlain(key, 1)).ok);
    await b.budget.update({ version: 1, lock: 9, wipe: 9 });
    const runs = async (count: number) => {
      for (let run = 0; run < count; run += 1) {
        await b.pass(40, seconds(60));
        await b.start();
      }
    };
    await runs(36);
    t.same(room(b), { lock: 3, wipe: 2 }, 'never sooner than a day of running');
    await runs(36);
    t.same(room(b), { lock: 9, wipe: 9 }, 'and of each run at least half counts');
    t.ok((await b.budget.takePlain(key, 1)).ok);
  },
);

await t.test('the configuration counts until the first change, and never after', async (t) => {
  const b = await new BudgetBench().start();
  await b.use();
  await b.start({ initial: { lock: 8, wipe: 8 } });
  t.same(room(b), { lock: 8, wipe: 8 });
  await b.budget.update({ version: 1, lock: 2, wipe: 2 });
  await b.start({ initial: { lock: 9, wipe: 9 } });
  t.same(room(b), { lock: 2, wipe: 2 });
});

await t.test('a budget of nothing is one', async (t) => {
  const b = await new BudgetBench().start();
  await b.budget.update({ version: 1, lock: 0, wipe: 0 });
  t.equal(await b.use(), 'BUDGET_SPENT');
});
