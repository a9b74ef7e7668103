import { type Duration, formatDuration, milliseconds, NsError } from '../../base/index.ts';
import type { Clock, Deadline, Stop } from '../../ports/index.ts';

interface Timer {
  at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Turns of the event loop given to whatever a timer set off, before the next timer fires. */
const TURNS = 8;

/** A clock that stands still until it is told to move. Timers fire in the order of their times, each at its own. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #wallOffset: number;
  readonly #timers = new Set<Timer>();

  constructor(options: { readonly wallSeconds?: number } = {}) {
    this.#wallOffset = options.wallSeconds ?? 1_790_000_000;
  }

  monotonic(): Duration {
    return milliseconds(this.#now);
  }

  wallSeconds(): number {
    return Math.floor(this.#wallOffset + this.#now / 1000);
  }

  /** Puts the wall clock right, or wrong; the monotonic clock goes on. */
  setWallSeconds(seconds: number): void {
    this.#wallOffset = seconds - this.#now / 1000;
  }

  sleep(duration: Duration, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        this.#timers.delete(timer);
        reject(signal.reason as Error);
      };
      const timer = this.#add(duration, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  deadline(duration: Duration, what: string): Deadline {
    const controller = new AbortController();
    const timer = this.#add(duration, () => {
      const sentence = `${what} took longer than ${formatDuration(duration)}`;
      controller.abort(new NsError('NS_DEADLINE', sentence, { retryable: true }));
    });
    return { signal: controller.signal, release: () => this.#timers.delete(timer) };
  }

  after(duration: Duration, done: () => void): Stop {
    const timer = this.#add(duration, done);
    return () => this.#timers.delete(timer);
  }

  every(interval: Duration, tick: () => void): Stop {
    const step = Math.max(1, interval);
    const timer = this.#add(milliseconds(step), () => {
      timer.at += step;
      this.#timers.add(timer);
      tick();
    });
    return () => {
      this.#timers.delete(timer);
      timer.at = Number.POSITIVE_INFINITY;
    };
  }

  /** How many timers wait: a test can show that nothing was left behind. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves time on, firing what falls due, and lets the event loop turn after each timer. */
  async advance(duration: Duration): Promise<void> {
    const target = this.#now + duration;
    await turn();
    for (let next = this.#next(target); next; next = this.#next(target)) {
      this.#fire(next);
      await turn();
    }
    this.#now = Math.max(this.#now, target);
    await turn();
  }

  /**
   * Moves time from timer to timer until the promise settles, and gives its result. NS_DEADLINE where it has not
   * settled after `limit` of virtual time, or where no timer is left that could settle it.
   */
  async settle<T>(promise: Promise<T>, limit: Duration): Promise<T> {
    const end = this.#now + limit;
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    for (let idle = 0; idle < 200; ) {
      await turn();
      if (settled) return promise;
      const next = this.#next(end);
      if (next) {
        idle = 0;
        this.#fire(next);
      } else idle += 1;
    }
    throw new NsError('NS_DEADLINE', `not settled after ${formatDuration(limit)} of virtual time`);
  }

  #add(duration: Duration, fire: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, duration), order: this.#order++, fire };
    this.#timers.add(timer);
    return timer;
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.fire();
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
