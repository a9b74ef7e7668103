import t from 'tap';
import { systemEntropy } from '../../../src/adapters/entropy.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { hasCode, hours, milliseconds } from '../../../src/base/index.ts';

await t.test('monotonic time never goes back', async (t) => {
  let last = systemClock.monotonic();
  for (let i = 0; i < 1000; i += 1) {
    const now = systemClock.monotonic();
    if (now < last) t.fail('went back');
    last = now;
  }
});

await t.test('a sleep ends, or rejects with the reason of its signal', async (t) => {
  const calm = new AbortController();
  const before = systemClock.monotonic();
  await systemClock.sleep(milliseconds(15), calm.signal);
  t.ok(systemClock.monotonic() - before >= 13);

  const reason = new Error('enough');
  const cut = new AbortController();
  const long = systemClock.sleep(hours(60 * 24), cut.signal);
  cut.abort(reason);
  await t.rejects(long, reason);
  await t.rejects(systemClock.sleep(milliseconds(1), cut.signal), reason, 'aborted before it began');
});

await t.test('a wait longer than a timer can hold does not end at once', async (t) => {
  const stop = new AbortController();
  let ended = false;
  const long = systemClock.sleep(hours(60 * 24), stop.signal).then(
    () => {
      ended = true;
    },
    () => {},
  );
  await systemClock.sleep(milliseconds(30), new AbortController().signal);
  t.notOk(ended);
  stop.abort();
  await long;
});

await t.test('a deadline aborts with a code and the name of what was late', async (t) => {
  const late = systemClock.deadline(milliseconds(5), 'the wash');
  await new Promise((resolve) => late.signal.addEventListener('abort', resolve, { once: true }));
  t.ok(hasCode(late.signal.reason, 'NS_DEADLINE'));
  t.match(String(late.signal.reason), 'the wash');

  const met = systemClock.deadline(milliseconds(5), 'the wash');
  met.release();
  await systemClock.sleep(milliseconds(20), new AbortController().signal);
  t.notOk(met.signal.aborted, 'a released deadline stays silent');
});

await t.test('a tick repeats until stopped', async (t) => {
  let ticks = 0;
  const stop = systemClock.every(milliseconds(2), () => {
    ticks += 1;
  });
  while (ticks < 3) await systemClock.sleep(milliseconds(2), new AbortController().signal);
  stop();
  const then = ticks;
  await systemClock.sleep(milliseconds(20), new AbortController().signal);
  t.equal(ticks, then);
});

await t.test('randomness has the length asked for, and fractions lie in [0, 1)', async (t) => {
  t.equal(systemEntropy.randomBytes(16).byteLength, 16);
  t.equal(systemEntropy.randomBytes(0).byteLength, 0);
  t.not(
    Buffer.from(systemEntropy.randomBytes(16)).toString('hex'),
    Buffer.from(systemEntropy.randomBytes(16)).toString('hex'),
  );
  const fractions = Array.from({ length: 1000 }, () => systemEntropy.fraction());
  t.ok(fractions.every((f) => f >= 0 && f < 1));
  t.ok(fractions.some((f) => f < 0.1) && fractions.some((f) => f > 0.9));
});
