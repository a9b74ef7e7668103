import t from 'tap';
import { SeededEntropy } from '../../../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, seconds } from '../../../../src/base/index.ts';

const never = new AbortController().signal;

await t.test('timers fire in the order of their times, each at its own time', async (t) => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name}@${clock.monotonic()}`);
  const waits = [
    clock.sleep(seconds(3), never).then(note('late')),
    clock.sleep(seconds(1), never).then(note('early')),
  ];
  const stop = clock.every(milliseconds(800), note('tick'));
  await clock.advance(milliseconds(999));
  t.same(seen, ['tick@800']);
  await clock.advance(seconds(2.001));
  stop();
  await Promise.all(waits);
  t.same(seen, ['tick@800', 'early@1000', 'tick@1600', 'tick@2400', 'late@3000']);
  t.equal(clock.waiting, 0);
});

await t.test('an aborted sleep rejects with the reason and leaves no timer', async (t) => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(seconds(1), abort.signal);
  abort.abort(new Error('enough'));
  await t.rejects(sleeping, { message: 'enough' });
  await t.rejects(clock.sleep(seconds(1), abort.signal), { message: 'enough' });
  t.equal(clock.waiting, 0);
});

await t.test('a deadline names what was waited for, unless it was released', async (t) => {
  const clock = new VirtualClock();
  const kept = clock.deadline(seconds(2), 'the switch of disk0');
  const released = clock.deadline(seconds(2), 'nothing');
  released.release();
  await clock.advance(seconds(2));
  t.match(kept.signal.reason, { code: 'NS_DEADLINE', message: /the switch of disk0 took longer than 2 s/ });
  t.notOk(released.signal.aborted);
});

await t.test('settle runs time until a promise settles, and no further', async (t) => {
  const clock = new VirtualClock();
  await clock.settle(clock.sleep(seconds(5), never), seconds(10));
  t.equal(clock.monotonic(), 5000);
  await t.rejects(clock.settle(new Promise(() => {}), seconds(1)), { code: 'NS_DEADLINE' });
});

await t.test('the wall clock can be put wrong without touching the monotonic one', async (t) => {
  const clock = new VirtualClock({ wallSeconds: 1000 });
  await clock.advance(seconds(1.5));
  t.equal(clock.wallSeconds(), 1001);
  clock.setWallSeconds(10);
  t.equal(clock.wallSeconds(), 10);
  t.equal(clock.monotonic(), 1500);
});

await t.test('a seed repeats, another seed does not', async (t) => {
  t.same(new SeededEntropy(7).randomBytes(32), new SeededEntropy(7).randomBytes(32));
  t.notSame(new SeededEntropy(7).randomBytes(32), new SeededEntropy(8).randomBytes(32));
  const entropy = new SeededEntropy(1);
  const draws = Array.from({ length: 10_000 }, () => entropy.fraction());
  const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
  t.ok(draws.every((d) => d >= 0 && d < 1));
  t.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});
