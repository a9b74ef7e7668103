import t from 'tap';
import { BudgetBench } from '../../../kit/budget-bench.ts';

const olga = new Uint8Array(8).fill(1);
const omar = new Uint8Array(8).fill(2);

await t.test('one key takes away only so many files in a day', async (t) => {
  const b = await new BudgetBench().start();
  const take = async (key: Uint8Array, files: number) => {
    const taken = await b.budget.takePlain(key, files);
    return taken.ok || taken.refusal.code;
  };
  t.equal(await take(olga, 15), true);
  t.equal(await take(olga, 6), 'BUDGET_SPENT', 'as a whole or not at all');
  t.equal(await take(olga, 5), true);
  t.equal(await take(olga, 1), 'BUDGET_SPENT');
  t.equal(await take(omar, 20), true, 'another key has its own');
  t.match(b.budget.status().plain, { limit: 20, used: 20 });
  await b.start();
  t.equal(await take(olga, 1), 'BUDGET_SPENT', 'also after a restart');
  await b.pass(23);
  await b.start();
  t.equal(await take(olga, 1), 'BUDGET_SPENT');
  await b.pass(1);
  t.equal(await take(olga, 20), true, 'the next day');
});

await t.test('restarts forget no file, and count few too many', async (t) => {
  const b = await new BudgetBench({ plain: 64 }).start();
  let taken = 0;
  for (; (await b.budget.takePlain(olga, 1)).ok; taken += 1) await b.start();
  t.ok(taken <= 64);
  t.ok(taken >= 4, 'each start costs 16 at most');
});

await t.test('the refusal says what to do', async (t) => {
  const b = await new BudgetBench().start();
  t.match(await b.budget.takePlain(olga, 21), {
    refusal: { sentence: /20 files/, remedy: /recursive order with a token.*two people/ },
  });
});
