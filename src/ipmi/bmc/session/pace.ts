import { type Duration, milliseconds } from '../../../base/index.ts';
import type { LanLimits, Rate, Slowdown } from './limits.ts';

/** Remembered at most: whoever was heard of longest ago is forgotten first. */
const MOST_REMEMBERED = 512;

class Allowance {
  readonly #rate: Rate;
  #tokens: number;
  #at: Duration;

  constructor(rate: Rate, now: Duration) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  take(now: Duration): boolean {
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#at) * perSecond) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/**
 * How many datagrams outside sessions are looked at: from each address, and in all. Addresses from which somebody has logged in do
 * not share what there is for all: a flood under forged addresses uses it up.
 */
export class DatagramPace {
  readonly #limits: LanLimits;
  readonly #overall: Allowance;
  readonly #byAddress = new Map<string, Allowance>();
  readonly #known = new Map<string, true>();

  constructor(limits: LanLimits, now: Duration) {
    this.#limits = limits;
    this.#overall = new Allowance(limits.overall, now);
  }

  allows(address: string, now: Duration): boolean {
    const own = this.#byAddress.get(address) ?? new Allowance(this.#limits.perAddress, now);
    remember(this.#byAddress, address, own);
    return own.take(now) && (this.#known.has(address) || this.#overall.take(now));
  }

  /** Somebody has logged in from there. */
  knows(address: string): void {
    remember(this.#known, address, true);
  }
}

interface Failures {
  readonly count: number;
  readonly last: Duration;
}

/**
 * How long a login has to wait after failed ones. Nobody is ever locked out: waits are bounded, an attempt made too early does
 * not lengthen them, and whoever came in last time by this name from this address does not wait for what others do.
 */
export class LoginPace {
  readonly #limits: LanLimits;
  readonly #byAddress = new Map<string, Failures>();
  readonly #byName = new Map<string, Failures>();
  /** "name address" of logins that went well. */
  readonly #good = new Map<string, true>();

  constructor(limits: LanLimits) {
    this.#limits = limits;
  }

  /** 0 where it may be tried now. The same for names that exist and names that do not. */
  wait(name: string, address: string, now: Duration): Duration {
    const { addressSlowdown, accountSlowdown } = this.#limits;
    if (this.#good.has(`${name} ${address}`)) return milliseconds(0);
    const own = this.#left(this.#byAddress.get(address), addressSlowdown, now);
    return milliseconds(Math.max(own, this.#left(this.#byName.get(name), accountSlowdown, now)));
  }

  failed(name: string, address: string, now: Duration): void {
    const { forgive } = this.#limits;
    for (const [map, key] of [
      [this.#byAddress, address],
      [this.#byName, name],
    ] as const) {
      const before = map.get(key);
      const count = before === undefined || now - before.last > forgive ? 0 : before.count;
      remember(map, key, { count: count + 1, last: now });
    }
    this.#good.delete(`${name} ${address}`);
  }

  succeeded(name: string, address: string): void {
    this.#byAddress.delete(address);
    remember(this.#good, `${name} ${address}`, true);
  }

  #left(failures: Failures | undefined, slowdown: Slowdown, now: Duration): Duration {
    if (failures === undefined || failures.count < slowdown.free) return milliseconds(0);
    if (now - failures.last > this.#limits.forgive) return milliseconds(0);
    const wait = Math.min(slowdown.longest, slowdown.first * 2 ** (failures.count - slowdown.free));
    return milliseconds(Math.max(0, failures.last + wait - now));
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_REMEMBERED) map.delete(map.keys().next().value!);
}
