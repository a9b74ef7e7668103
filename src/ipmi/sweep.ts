import { type Duration, formatDuration, hasCode, milliseconds, NsError, seconds } from '../base/index.ts';
import type { Clock, Entropy } from '../ports/index.ts';

/** What became of one host in one sweep. */
export type SweepResult<T> =
  | { readonly host: string; readonly is: 'answer'; readonly answer: T; readonly took: Duration }
  /** Asked, and no answer to be had: `fault` says why. */
  | { readonly host: string; readonly is: 'fault'; readonly fault: unknown; readonly took: Duration }
  /** Not asked: the fault of an earlier sweep stands. `until`: on the monotonic clock; undefined for as long as it is not forgiven. */
  | {
      readonly host: string;
      readonly is: 'set-aside';
      readonly fault: unknown;
      readonly until: Duration | undefined;
    };

/** One host's question. Its signal aborts at the host's deadline; what it still does then counts no more. */
export type SweepQuestion<T> = (host: string, signal: AbortSignal) => Promise<T>;

export interface SweeperOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** So many hosts are asked at once: 64 by default. */
  readonly window?: number;
  /** For one host: 5 s by default. */
  readonly within?: Duration;
  /** A host that takes longer than this gives its place in the window to the next one: a quarter of a second by default. */
  readonly slow?: Duration;
  /** So many slow hosts beside the window; when there are more, they keep their places. Four times the window by default. */
  readonly mostSlow?: number;
  /** After a first fault, and at most; each fault in a row doubles it. */
  readonly backOff?: { readonly first: Duration; readonly most: Duration };
}

interface Aside {
  readonly faults: number;
  readonly fault: unknown;
  readonly until: Duration | undefined;
}

const WINDOW = 64;
const WITHIN: Duration = seconds(5);
const SLOW: Duration = milliseconds(250);
const SLOW_PER_PLACE = 4;
const BACK_OFF = { first: seconds(10), most: seconds(300) };
/** As a share of the pause: hosts that fell silent together are not asked together for ever. */
const JITTER = 0.25;

/**
 * Asks many hosts the same, again and again. No host waits for another's silence: one that does not answer is moved out of the
 * window, ends at its own deadline, and is set aside in later sweeps, for longer each time. One whose password is wrong is
 * not asked again at all until it is forgiven: accounts get locked.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #aside = new Map<string, Aside>();
  readonly #busy = new Set<string>();

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /**
   * One result for each host, told as it comes and given in the order of the hosts. Hosts that were set aside and are due again
   * come last. Rejects with the signal's reason, and starts no host after it. Two sweeps at once are allowed: a host that is
   * still being asked by one is a fault NS_SWEEP_BUSY in the other.
   */
  async sweep<T>(
    hosts: readonly string[],
    ask: SweepQuestion<T>,
    signal: AbortSignal,
    tell: (result: SweepResult<T>) => void = () => {},
  ): Promise<readonly SweepResult<T>[]> {
    signal.throwIfAborted();
    const now = this.#options.clock.monotonic();
    const results = new Map<string, SweepResult<T>>();
    const put = (result: SweepResult<T>): void => {
      results.set(result.host, result);
      tell(result);
    };
    const first: string[] = [];
    const last: string[] = [];
    for (const host of new Set(hosts)) {
      const aside = this.#aside.get(host);
      if (aside === undefined) first.push(host);
      else if (aside.until !== undefined && aside.until <= now) last.push(host);
      else put({ host, is: 'set-aside', fault: aside.fault, until: aside.until });
    }
    // One listener for all hosts of a sweep.
    const under = new Set<() => void>();
    const stop = (): void => {
      for (const end of under) end();
    };
    signal.addEventListener('abort', stop);
    try {
      await this.#askAll([...first, ...last], ask, signal, under, put);
    } finally {
      signal.removeEventListener('abort', stop);
    }
    signal.throwIfAborted();
    return [...new Set(hosts)].map((host) => results.get(host)!);
  }

  /** Asked again in the next sweep, whatever was wrong before; without a name, all hosts. */
  forgive(host?: string): void {
    if (host === undefined) this.#aside.clear();
    else this.#aside.delete(host);
  }

  async #askAll<T>(
    hosts: readonly string[],
    ask: SweepQuestion<T>,
    signal: AbortSignal,
    under: Set<() => void>,
    put: (result: SweepResult<T>) => void,
  ): Promise<void> {
    const { clock, window = WINDOW, slow = SLOW, mostSlow = SLOW_PER_PLACE * window } = this.#options;
    const slowOnes = new Set<Promise<void>>();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < hosts.length && !signal.aborted) {
        const host = hosts[next]!;
        next += 1;
        const asked = this.#ask(host, ask, signal, under).then((result) => {
          if (!signal.aborted) put(result);
        });
        await new Promise<void>((free) => {
          const stop = clock.after(slow, () => {
            if (slowOnes.size >= mostSlow) return;
            slowOnes.add(asked);
            free();
          });
          void asked.then(() => {
            stop();
            slowOnes.delete(asked);
            free();
          });
        });
      }
    };
    await Promise.all(Array.from({ length: Math.min(window, hosts.length) }, lane));
    await Promise.all(slowOnes);
  }

  /** Never rejects, and ends at the host's deadline even where its question does not. */
  #ask<T>(
    host: string,
    ask: SweepQuestion<T>,
    signal: AbortSignal,
    under: Set<() => void>,
  ): Promise<SweepResult<T>> {
    const { clock, within = WITHIN } = this.#options;
    const begin = clock.monotonic();
    const took = (): Duration => milliseconds(clock.monotonic() - begin);
    if (this.#busy.has(host)) {
      const fault = new NsError('NS_SWEEP_BUSY', 'another sweep still asks this host', { retryable: true });
      return Promise.resolve({ host, is: 'fault', fault, took: took() });
    }
    this.#busy.add(host);
    return new Promise((resolve) => {
      const until = new AbortController();
      const end = (result: SweepResult<T>): void => {
        stop();
        under.delete(onAbort);
        resolve(result);
      };
      const give = (fault: unknown): void => {
        if (!signal.aborted) this.#setAside(host, fault);
        end({ host, is: 'fault', fault, took: took() });
      };
      const onAbort = (): void => {
        until.abort(signal.reason);
        give(signal.reason);
      };
      const stop = clock.after(within, () => {
        const sentence = `no answer in ${formatDuration(within)}`;
        const late = new NsError('NS_DEADLINE', sentence, { retryable: true });
        until.abort(late);
        give(late);
      });
      under.add(onAbort);
      Promise.resolve()
        .then(() => ask(host, until.signal))
        .finally(() => this.#busy.delete(host))
        .then((answer) => {
          if (until.signal.aborted) return;
          this.#aside.delete(host);
          end({ host, is: 'answer', answer, took: took() });
        })
        .catch((fault: unknown) => {
          if (!until.signal.aborted) give(fault);
        });
    });
  }

  #setAside(host: string, fault: unknown): void {
    const { clock, entropy, backOff = BACK_OFF } = this.#options;
    const faults = (this.#aside.get(host)?.faults ?? 0) + 1;
    const pause = Math.min(backOff.most, backOff.first * 2 ** Math.min(faults - 1, 30));
    const until = hasCode(fault, 'NS_IPMI_CREDENTIALS')
      ? undefined
      : milliseconds(clock.monotonic() + pause * (1 + JITTER * entropy.fraction()));
    this.#aside.set(host, { faults, fault, until });
  }
}
