import fc from 'fast-check';
import t from 'tap';
import { Wheel } from '../../../../../src/adapters/sim/chain/index.ts';
import { nanoseconds } from '../../../../../src/sata-chain/index.ts';

await t.test('events fire by time, equal times in the order of asking, cancelled ones never', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 200 }), (asked) => {
      const wheel = new Wheel();
      const fired: number[] = [];
      const cancels = asked.map(([delay], i) => wheel.after(nanoseconds(delay), () => fired.push(i)));
      asked.forEach(([, cancelled], i) => {
        if (cancelled) cancels[i]!();
      });
      wheel.run(nanoseconds(100));
      const expected = asked
        .map(([delay, cancelled], i) => ({ delay, cancelled, i }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.delay - b.delay || a.i - b.i)
        .map(({ i }) => i);
      return JSON.stringify(fired) === JSON.stringify(expected) && wheel.now() === 100;
    }),
    { seed: 1 },
  );
});

await t.test('what an event asks for at the same moment fires after it, in the same run', async (t) => {
  const wheel = new Wheel();
  const fired: string[] = [];
  wheel.after(nanoseconds(5), () => {
    wheel.after(nanoseconds(0), () => fired.push(`inner at ${wheel.now()}`));
    fired.push('outer');
  });
  wheel.run(nanoseconds(5));
  t.same(fired, ['outer', 'inner at 5']);
});

await t.test('a machine that never rests is stopped', async (t) => {
  const wheel = new Wheel();
  const again = () => void wheel.after(nanoseconds(0), again);
  again();
  t.throws(() => wheel.run(nanoseconds(1), 1000), RangeError);
});
