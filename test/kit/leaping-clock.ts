import { systemClock } from '../../src/adapters/system-clock.ts';
import { type Duration, milliseconds, NsError } from '../../src/base/index.ts';
import type { Clock, Deadline, Stop } from '../../src/ports/index.ts';

interface Timer {
  at: number;
  readonly fire: () => void;
  stop: Stop;
}

/** Real time, with which real programs keep pace, that can be made to leap: what falls due in between fires at once. */
export class LeapingClock implements Clock {
  #leapt = 0;
  readonly #timers = new Set<Timer>();

  leap(by: Duration): void {
    this.#leapt += by;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      timer.stop();
      this.#arm(timer);
    }
  }

  monotonic(): Duration {
    return milliseconds(systemClock.monotonic() + this.#leapt);
  }

  wallSeconds(): number {
    return systemClock.wallSeconds() + Math.floor(this.#leapt / 1000);
  }

  after(duration: Duration, done: () => void): Stop {
    const timer: Timer = { at: this.monotonic() + duration, fire: done, stop: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.stop();
    };
  }

  every(interval: Duration, tick: () => void): Stop {
    let stop: Stop = () => {};
    const next = () => {
      stop = this.after(interval, () => {
        next();
        tick();
      });
    };
    next();
    return () => stop();
  }

  sleep(duration: Duration, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const aborted = () => {
        stop();
        reject(signal.reason as Error);
      };
      const stop = this.after(duration, () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      });
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  deadline(duration: Duration, what: string): Deadline {
    const controller = new AbortController();
    const release = this.after(duration, () =>
      controller.abort(new NsError('NS_DEADLINE', `${what} took too long`, { retryable: true })),
    );
    return { signal: controller.signal, release };
  }

  #arm(timer: Timer): void {
    timer.stop = systemClock.after(milliseconds(Math.max(0, timer.at - this.monotonic())), () => {
      this.#timers.delete(timer);
      timer.fire();
    });
  }
}
