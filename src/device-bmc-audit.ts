import { asNsError, hours, minutes } from './base/index.ts';
import type { Machine } from './device-machine.ts';
import type { LanEvent } from './ipmi/index.ts';
import type { Clock, LogSink } from './ports/index.ts';

/** The audit log has room for 1024 entries: who looks at the power once a minute must not push orders out of it. */
const AGAIN_AFTER = hours(1);
const FAILED_AGAIN_AFTER = minutes(10);
const MOST_AN_HOUR = 20;
const MOST_KEYS = 256;

const EVENTS: Readonly<Record<Exclude<LanEvent['is'], 'logout'>, string>> = {
  login: 'bmc.login',
  'login-failed': 'bmc.login-refused',
};

interface Seen {
  readonly at: number;
  /** How often it happened since, without an entry of its own. */
  more: number;
}

/**
 * Which logins over the LAN are worth an audit entry: the first of a user from an address, and one an hour after that; failures
 * every ten minutes, with their number; and no more than twenty an hour of all together, whoever forges what.
 */
export class LoginNotes {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  #hour = 0;
  #inHour = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The entry's event and detail; undefined where it is not worth one. */
  take(event: LanEvent): { readonly event: string; readonly detail: string } | undefined {
    if (event.is === 'logout') return undefined;
    const { user, peer } = event;
    const why = 'why' in event ? event.why : '';
    const address = peer.replace(/:\d+$/, '');
    const key = JSON.stringify([event.is, why, user, address]);
    const now = this.#clock.monotonic();
    const before = this.#seen.get(key);
    const pause = event.is === 'login' ? AGAIN_AFTER : FAILED_AGAIN_AFTER;
    if (before !== undefined && now - before.at < pause) {
      before.more += 1;
      return undefined;
    }
    if (!this.#mayNow(now)) return undefined;
    this.#seen.delete(key);
    if (this.#seen.size >= MOST_KEYS) this.#seen.delete(this.#seen.keys().next().value ?? '');
    this.#seen.set(key, { at: now, more: 0 });
    const reason = why === '' ? '' : ` (${why})`;
    const earlier =
      before === undefined || before.more === 0 ? '' : `, and ${before.more} more since the last entry`;
    return {
      event: EVENTS[event.is],
      detail: `IPMI user ${JSON.stringify(user)} at ${address}${reason}${earlier}`,
    };
  }

  #mayNow(now: number): boolean {
    const hour = Math.floor(now / hours(1));
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#inHour = 0;
    }
    this.#inHour += 1;
    return this.#inHour <= MOST_AN_HOUR;
  }
}

/** An entry of the audit log that nobody waits for. */
export function note(
  { audit, clock }: Pick<Machine, 'audit' | 'clock'>,
  log: LogSink,
  entry: { readonly event: string; readonly detail: string },
): void {
  audit.append({ at: clock.wallSeconds(), ...entry }).catch((error: unknown) => {
    log.log('error', 'audit-failed', { error: asNsError(error).message });
  });
}
