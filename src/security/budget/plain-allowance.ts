import {
  allow,
  type Duration,
  formatDuration,
  hours,
  milliseconds,
  refuse,
  type Verdict,
} from '../../base/index.ts';

const PERIOD = hours(24);
/** After a restart as many more count as used, at most: so seldom is it stored. */
const STEP = 16;
const ISSUERS_MAX = 1024;
const OTHERS = 'others';

export interface StoredAllowance {
  /** Of this period, milliseconds of running time. */
  readonly elapsedMs: number;
  /** Files by issuer, each rounded up. */
  readonly used: Readonly<Record<string, number>>;
}

/**
 * How many files one key may remove or replace without a token in 24 hours of running time: a stolen key takes a host
 * apart no faster than this. All counts start again together when the period is over.
 */
export class PlainAllowance {
  readonly #limit: number;
  readonly #used: Map<string, number>;
  readonly #stored: Map<string, number>;
  #elapsed: number;

  constructor(limit: number, stored?: StoredAllowance) {
    this.#limit = limit;
    this.#elapsed = stored?.elapsedMs ?? 0;
    this.#used = new Map(Object.entries(stored?.used ?? {}));
    this.#stored = new Map(this.#used);
  }

  get limit(): number {
    return this.#limit;
  }

  /** The most that one issuer has used in this period. */
  get used(): number {
    return Math.max(0, ...this.#used.values());
  }

  /** BUDGET_SPENT. `store`: what is stored no longer covers it, so it must be stored before the files are touched. */
  take(issuer: string, files: number): Verdict<{ readonly store: boolean }> {
    const key = this.#used.has(issuer) || this.#used.size < ISSUERS_MAX ? issuer : OTHERS;
    const used = (this.#used.get(key) ?? 0) + files;
    if (used > this.#limit) {
      const left = formatDuration(milliseconds(Math.max(0, PERIOD - this.#elapsed)));
      return refuse(
        'BUDGET_SPENT',
        `One key removes or replaces ${this.#limit} files in a day, and with these it would be ${used}.`,
        `Give it as one recursive order with a token and two people, or wait: the count starts again in ${left}.`,
      );
    }
    this.#used.set(key, used);
    const store = used > (this.#stored.get(key) ?? 0);
    if (store) this.#stored.set(key, Math.ceil(used / STEP) * STEP);
    return allow({ store });
  }

  /** Running time has passed. */
  pass(passed: Duration): void {
    this.#elapsed += passed;
    if (this.#elapsed < PERIOD) return;
    this.#elapsed = 0;
    this.#used.clear();
    this.#stored.clear();
  }

  /** Whether there is anything that time changes. */
  get idle(): boolean {
    return this.#used.size === 0;
  }

  snapshot(): StoredAllowance {
    return { elapsedMs: this.#elapsed, used: Object.fromEntries(this.#stored) };
  }
}
