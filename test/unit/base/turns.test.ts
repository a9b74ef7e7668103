import fc from 'fast-check';
import t from 'tap';
import { Turns } from '../../../src/base/index.ts';

await t.test('works never overlap, keep their order, and one that fails holds up none', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ fails: fc.boolean(), ticks: fc.nat(5) })), async (works) => {
      const turns = new Turns();
      const began: number[] = [];
      let under = 0;
      const ends = works.map(({ fails, ticks }, n) =>
        turns.take(async () => {
          began.push(n);
          under += 1;
          for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
          t.equal(under, 1);
          under -= 1;
          if (fails) throw new Error(`work ${n}`);
          return n;
        }),
      );
      const idle = turns.idle().then(() => began.length);
      const settled = await Promise.allSettled(ends);
      t.same(
        settled.map((end) => (end.status === 'fulfilled' ? end.value : (end.reason as Error).message)),
        works.map(({ fails }, n) => (fails ? `work ${n}` : n)),
      );
      t.same(began, [...works.keys()]);
      t.equal(await idle, works.length);
    }),
    { numRuns: 50 },
  );
});
