import t from 'tap';
import { milliseconds, seconds } from '../../src/base/index.ts';
import type { Clock } from '../../src/ports/index.ts';

/** What every Clock promises. `pass` lets this much time go by; for a real clock by waiting. */
export async function clockContract(
  name: string,
  make: () => { clock: Clock; pass: (ms: number) => Promise<void> },
): Promise<void> {
  const never = new AbortController().signal;

  await t.test(`${name}: monotonic time never goes back, and moves on`, async (t) => {
    const { clock, pass } = make();
    const start = clock.monotonic();
    let last = start;
    for (let i = 0; i < 5; i += 1) {
      await pass(5);
      const now = clock.monotonic();
      t.ok(now >= last);
      last = now;
    }
    t.ok(last > start);
    t.ok(Number.isSafeInteger(clock.wallSeconds()));
  });

  await t.test(`${name}: a sleep ends after its time, not before`, async (t) => {
    const { clock, pass } = make();
    const start = clock.monotonic();
    let slept: number | undefined;
    const sleeping = clock.sleep(milliseconds(30), never).then(() => {
      slept = clock.monotonic() - start;
    });
    await pass(60);
    await sleeping;
    t.ok(slept !== undefined && slept >= 29, `slept ${slept}`);
  });

  await t.test(
    `${name}: a sleep that is aborted rejects with the reason, before or while it sleeps`,
    async (t) => {
      const { clock } = make();
      const abort = new AbortController();
      const sleeping = clock.sleep(seconds(60), abort.signal);
      abort.abort(new Error('no more'));
      await t.rejects(sleeping, { message: 'no more' });
      await t.rejects(clock.sleep(milliseconds(0), abort.signal), { message: 'no more' });
    },
  );

  await t.test(`${name}: a deadline aborts with NS_DEADLINE and its name, unless released`, async (t) => {
    const { clock, pass } = make();
    const kept = clock.deadline(milliseconds(10), 'the answer');
    const released = clock.deadline(milliseconds(10), 'nothing');
    released.release();
    await pass(40);
    t.match(kept.signal.reason, { code: 'NS_DEADLINE', message: /the answer/ });
    t.notOk(released.signal.aborted);
    kept.release();
  });

  await t.test(
    `${name}: after calls back once, not before its time, and not at all where it was stopped`,
    async (t) => {
      const { clock, pass } = make();
      const start = clock.monotonic();
      const calls: number[] = [];
      clock.after(milliseconds(20), () => calls.push(clock.monotonic() - start));
      const stop = clock.after(milliseconds(20), () => calls.push(-1));
      stop();
      await pass(60);
      t.equal(calls.length, 1);
      t.ok(calls[0]! >= 19, `called after ${calls[0]}`);
      stop();
    },
  );

  await t.test(`${name}: every ticks until it is stopped, also from within a tick`, async (t) => {
    const { clock, pass } = make();
    let ticks = 0;
    const stop = clock.every(milliseconds(5), () => {
      ticks += 1;
      if (ticks === 3) stop();
    });
    await pass(80);
    t.equal(ticks, 3);
    stop();
  });
}
