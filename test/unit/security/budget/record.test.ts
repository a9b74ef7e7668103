import t from 'tap';
import {
  decodeBudgetCopy,
  encodeBudgetRecord,
  judgeBudgetCopies,
} from '../../../../src/security/budget/budget-record.ts';
import { MAX_SEEN } from '../../../../src/security/budget/budget-rules.ts';
import { BUDGET_DOCUMENTS, MAX_PER_EPOCH } from '../../../../src/security/index.ts';
import { BudgetBench } from '../../../kit/budget-bench.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

/** Own storage whose power goes at a write: not begun, torn in the middle, or done. */
class CutState extends MemoryState {
  left = Number.POSITIVE_INFINITY;
  how: 'absent' | 'torn' | 'done' = 'absent';

  override async writeDocument(name: string, bytes: Uint8Array): Promise<void> {
    if (this.left <= 0) throw new Error('no power');
    this.left -= 1;
    if (this.left > 0) return super.writeDocument(name, bytes);
    if (this.how === 'torn') await super.writeDocument(name, bytes.subarray(0, bytes.byteLength >> 1));
    if (this.how === 'done') await super.writeDocument(name, bytes);
    throw new Error('no power');
  }
}

await t.test('power that goes at any write of a spending: wholly spent, or not taken', async (t) => {
  for (const how of ['absent', 'torn', 'done'] as const) {
    for (let cut = 1; cut <= 5; cut += 1) {
      const store = new CutState();
      const b = await new BudgetBench({ store }).start();
      t.equal(await b.use(), undefined);
      store.how = how;
      store.left = cut;
      const order = b.order('lock', await b.token({ n: 2 }));
      const taken = await b.give(order).then(
        () => true,
        () => false,
      );
      t.equal(taken, cut > 2, `taken only with both copies: ${how}, cut ${cut}`);
      store.left = Number.POSITIVE_INFINITY;
      await b.start();
      t.equal(await b.use({ n: 1 }), 'TOKEN_SPENT', 'what was spent before');
      t.equal(await b.give(order), undefined, 'the same order, delivered again');
      t.equal(await b.use({ n: 2 }), 'TOKEN_SPENT');
    }
  }
});

await t.test('either copy may be lost or damaged', async (t) => {
  for (const name of BUDGET_DOCUMENTS) {
    for (const damage of [undefined, new Uint8Array(0), new Uint8Array(200)]) {
      const b = await new BudgetBench().start();
      await b.use();
      await b.budget.update({ version: 3, lock: 2, wipe: 1 });
      if (damage === undefined) await b.store.remove(name);
      else await b.store.writeDocument(name, damage);
      await b.start();
      t.equal(await b.use({ n: 1 }), 'TOKEN_SPENT');
      t.match(b.budget.status(), { version: 3, inForce: { lock: 2, wipe: 1 }, damaged: false });
      for (const each of BUDGET_DOCUMENTS) {
        t.equal(decodeBudgetCopy(await b.store.readDocument(each)).is, 'whole', 'and it is mended');
      }
    }
  }
});

await t.test('a flipped bit anywhere in a copy is found', async (t) => {
  const b = await new BudgetBench().start();
  await b.use();
  const copy = (await b.store.readDocument(BUDGET_DOCUMENTS[0]))!;
  for (let at = 0; at < copy.byteLength; at += 1) {
    const bent = copy.slice();
    bent[at]! ^= 0x10;
    t.equal(decodeBudgetCopy(bent).is, 'damaged', `byte ${at}`);
  }
  t.equal(decodeBudgetCopy(copy.subarray(0, copy.byteLength - 1)).is, 'damaged');
  t.equal(decodeBudgetCopy(new Uint8Array([...copy, 0])).is, 'damaged');
});

await t.test('both copies damaged: nothing is destroyed until a new budget has waited', async (t) => {
  const b = await new BudgetBench().start();
  await b.use();
  for (const name of BUDGET_DOCUMENTS) await b.store.writeDocument(name, new Uint8Array(64));
  await b.start();
  t.match(b.events.at(-1), { is: 'damaged' });
  t.equal(await b.use({ epoch: 9 }), 'BUDGET_SPENT');
  await b.start();
  t.match(b.budget.status(), { damaged: true, inForce: { lock: 0, wipe: 0 } }, 'also after a restart');
  await b.budget.update({ version: 1, lock: 2, wipe: 2 });
  t.equal(await b.use({ epoch: 9 }), 'BUDGET_SPENT');
  await b.pass(24);
  t.equal(await b.use({ epoch: 9 }), undefined);
  t.equal(b.budget.status().damaged, false);
});

await t.test('the newer copy counts, and a whole one beside none', async (t) => {
  const record = (seq: number) => ({ seq, seen: [], spent: [], plain: { elapsedMs: 0, used: {} } });
  const copy = (seq: number) => decodeBudgetCopy(encodeBudgetRecord(record(seq)));
  const absent = { is: 'absent' } as const;
  t.match(judgeBudgetCopies(copy(2), copy(1)), { is: 'record', record: { seq: 2 }, rewrite: true });
  t.match(judgeBudgetCopies(copy(1), copy(2)), { is: 'record', record: { seq: 2 }, rewrite: true });
  t.match(judgeBudgetCopies(copy(2), copy(2)), { is: 'record', rewrite: false });
  t.match(judgeBudgetCopies(absent, copy(2)), { is: 'record', rewrite: true });
  t.match(judgeBudgetCopies(absent, absent), { is: 'none' });
  t.match(judgeBudgetCopies(absent, { is: 'damaged' }), { is: 'damaged' });
});

await t.test('as much as there can ever be fits', async (t) => {
  const spent = Array.from({ length: MAX_SEEN }, (_, n) => ({
    epoch: Number.MAX_SAFE_INTEGER,
    for: 'lock' as const,
    n: 1 + (n % MAX_PER_EPOCH),
    governor: 'ff'.repeat(8),
    order: 'ff'.repeat(32),
  }));
  const seen = Array.from({ length: MAX_SEEN }, () => new Uint8Array(512));
  const used = Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`${n}`.padStart(16, 'f'), 1024]));
  const full = { seq: 1, seen, spent, plain: { elapsedMs: 0, used } };
  t.match(decodeBudgetCopy(encodeBudgetRecord(full)), { is: 'whole', record: { seq: 1 } });
});
