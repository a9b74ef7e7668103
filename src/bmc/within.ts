import { type Duration, milliseconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';

/** True where the promise settled, either way, before the monotonic moment `until`; false where time ran out first. */
export async function settledWithin(
  clock: Clock,
  promise: Promise<unknown>,
  until: Duration,
): Promise<boolean> {
  const timer = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const left = milliseconds(Math.max(0, until - clock.monotonic()));
  const elapsed = clock.sleep(left, timer.signal).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([settled, elapsed]);
  } finally {
    timer.abort('settled');
  }
}
