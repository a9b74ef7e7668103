import { type Duration, formatDuration, milliseconds, NsError } from '../base/index.ts';
import type { Clock, Deadline, Stop } from '../ports/index.ts';

/** setTimeout fires at once for anything longer; longer waits go in several laps. */
const LONGEST_LAP = 2 ** 31 - 1;

/** Calls back once after the duration. Keeps the process alive: somebody waits for it. */
function after(duration: Duration, done: () => void): Stop {
  let timer: NodeJS.Timeout;
  const lap = (left: number): void => {
    timer =
      left > LONGEST_LAP
        ? setTimeout(lap, LONGEST_LAP, left - LONGEST_LAP)
        : setTimeout(done, Math.max(0, left));
  };
  lap(duration);
  return () => clearTimeout(timer);
}

function sleep(duration: Duration, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = (): void => {
      stop();
      reject(signal.reason);
    };
    const stop = after(duration, () => {
      signal.removeEventListener('abort', aborted);
      resolve();
    });
    signal.addEventListener('abort', aborted, { once: true });
  });
}

function deadline(duration: Duration, what: string): Deadline {
  const controller = new AbortController();
  const release = after(duration, () =>
    controller.abort(
      new NsError('NS_DEADLINE', `${what} took longer than ${formatDuration(duration)}`, { retryable: true }),
    ),
  );
  return { signal: controller.signal, release };
}

/** A repeating tick alone does not keep the process alive. */
function every(interval: Duration, tick: () => void): Stop {
  const timer = setInterval(tick, Math.max(1, Math.min(interval, LONGEST_LAP)));
  timer.unref();
  return () => clearInterval(timer);
}

/** The operating system's clocks and timers. */
export const systemClock: Clock = {
  monotonic: () => milliseconds(performance.now()),
  wallSeconds: () => Math.floor(Date.now() / 1000),
  sleep,
  deadline,
  after,
  every,
};
