import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { Trickle } from '../../../src/agent/trickle.ts';
import { hours, minutes, seconds } from '../../../src/base/index.ts';

const PACE = { shortest: seconds(4), longest: hours(1) };

function bench() {
  const clock = new VirtualClock();
  const log: { readonly is: 'began' | 'spoke'; readonly at: number }[] = [];
  let more = 0;
  const trickle = new Trickle(clock, new SeededEntropy(3), PACE, {
    began: () => void log.push({ is: 'began', at: clock.monotonic() / 1000 }),
    speak: () => {
      log.push({ is: 'spoke', at: clock.monotonic() / 1000 });
      more -= 1;
      return more > 0;
    },
  });
  const times = (is: 'began' | 'spoke') => log.filter((each) => each.is === is).map(({ at }) => at);
  const parts = (n: number): void => {
    more = n;
  };
  return { clock, trickle, times, parts };
}

await t.test(
  'each interval is twice the one before, up to the longest; it speaks in the second half',
  async (t) => {
    const { clock, trickle, times } = bench();
    trickle.begin(PACE.shortest);
    await clock.advance(hours(5));
    const began = times('began');
    t.same(began.slice(0, 6), [0, 4, 12, 28, 60, 124]);
    const lengths = began.slice(1).map((at, i) => at - began[i]!);
    t.equal(Math.max(...lengths), 3600);
    for (const [i, at] of times('spoke').entries()) {
      const length = lengths[i];
      if (length === undefined) continue;
      t.ok(at - began[i]! >= length / 2 && at - began[i]! <= length, `moment ${i}`);
    }
  },
);

await t.test('news makes the interval the shortest, and more news in it changes nothing', async (t) => {
  const { clock, trickle, times } = bench();
  trickle.begin(PACE.shortest);
  await clock.advance(minutes(30));
  const before = times('began').length;
  for (let i = 0; i < 10; i += 1) trickle.hurry();
  t.same(times('began').slice(before), [1800]);
  await clock.advance(seconds(4));
  t.same(times('began').slice(before), [1800, 1804]);
});

await t.test(
  'where there is more to say, the next moment comes soon, and the intervals go on as before',
  async (t) => {
    const { clock, trickle, times, parts } = bench();
    parts(3);
    trickle.begin(seconds(32));
    await clock.advance(seconds(100));
    const [first, second, third] = times('spoke');
    for (const gap of [second! - first!, third! - second!]) t.ok(gap >= 4 && gap <= 8, `${gap} s`);
    t.equal(times('began').length, 2);
  },
);

await t.test('stopped it does nothing, news or not', async (t) => {
  const { clock, trickle, times } = bench();
  trickle.hurry();
  t.equal(clock.waiting, 0);
  trickle.begin(PACE.shortest);
  trickle.stop();
  trickle.hurry();
  await clock.advance(hours(2));
  t.same(times('spoke'), []);
  t.equal(clock.waiting, 0);
});
