import { asNsError, type Duration, hours, minutes, seconds } from '../../base/index.ts';
import type { Caller, LanEvent } from '../../ipmi/index.ts';
import type { Clock, LogSink, PowerState } from '../../ports/index.ts';
import type { Machine } from './machine.ts';

/** The audit log has room for 1024 entries: who looks at the power once a minute must not push orders out of it. */
const AGAIN_AFTER = hours(1);
const FAILED_AGAIN_AFTER = minutes(10);
const MOST_AN_HOUR = 20;
const NO_PAUSE = seconds(0);
const REFUSED_AGAIN_AFTER = minutes(1);
const MOST_OF_USERS_AN_HOUR = 60;
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

/** What may happen as often as somebody else likes: which of it is worth an entry, and how many were left out before it. */
class Rarely {
  readonly #clock: Clock;
  readonly #mostAnHour: number;
  readonly #seen = new Map<string, Seen>();
  #hour = 0;
  #inHour = 0;

  constructor(clock: Clock, mostAnHour: number) {
    this.#clock = clock;
    this.#mostAnHour = mostAnHour;
  }

  /** ", and 3 more since the last entry" or nothing; undefined where it is not worth an entry. */
  take(key: string, pause: Duration): string | undefined {
    const now = this.#clock.monotonic();
    const before = this.#seen.get(key);
    if ((before !== undefined && now - before.at < pause) || !this.#mayNow(now)) {
      if (before !== undefined) before.more += 1;
      return undefined;
    }
    this.#seen.delete(key);
    if (this.#seen.size >= MOST_KEYS) this.#seen.delete(this.#seen.keys().next().value ?? '');
    this.#seen.set(key, { at: now, more: 0 });
    return before === undefined || before.more === 0 ? '' : `, and ${before.more} more since the last entry`;
  }

  #mayNow(now: number): boolean {
    const hour = Math.floor(now / hours(1));
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#inHour = 0;
    }
    this.#inHour += 1;
    return this.#inHour <= this.#mostAnHour;
  }
}

interface Entry {
  readonly event: string;
  readonly detail: string;
}

/**
 * Which logins over the LAN are worth an audit entry: the first of a user from an address, and one an hour after that; failures
 * every ten minutes, with their number; and no more than twenty an hour of all together, whoever forges what.
 */
export class LoginNotes {
  readonly #rarely: Rarely;

  constructor(clock: Clock) {
    this.#rarely = new Rarely(clock, MOST_AN_HOUR);
  }

  /** Undefined where it is not worth an entry. */
  take(event: LanEvent): Entry | undefined {
    if (event.is === 'logout') return undefined;
    const { user, peer } = event;
    const why = 'why' in event ? event.why : '';
    const address = withoutPort(peer);
    const key = JSON.stringify([event.is, why, user, address]);
    const earlier = this.#rarely.take(key, event.is === 'login' ? AGAIN_AFTER : FAILED_AGAIN_AFTER);
    if (earlier === undefined) return undefined;
    const reason = why === '' ? '' : ` (${why})`;
    return {
      event: EVENTS[event.is],
      detail: `IPMI user ${JSON.stringify(user)} at ${address}${reason}${earlier}`,
    };
  }
}

/**
 * Which power orders are worth an audit entry: of users each that was obeyed, and others once a minute, sixty an hour; of the
 * host itself each kind every ten minutes, twenty an hour: it may give as many as it likes, and would push everything else out.
 */
export class PowerNotes {
  readonly #host: Rarely;
  readonly #users: Rarely;

  constructor(clock: Clock) {
    this.#host = new Rarely(clock, MOST_AN_HOUR);
    this.#users = new Rarely(clock, MOST_OF_USERS_AN_HOUR);
  }

  /** `how`: "done", "refused DISABLED". Undefined where it is not worth an entry. */
  take(action: string, caller: Caller, how: string): Entry | undefined {
    const by = callerName(caller);
    const key = JSON.stringify([action, withoutPort(by), how]);
    const ofUser = how === 'done' ? NO_PAUSE : REFUSED_AGAIN_AFTER;
    const earlier =
      caller.is === 'user' ? this.#users.take(key, ofUser) : this.#host.take(key, FAILED_AGAIN_AFTER);
    return earlier === undefined
      ? undefined
      : { event: 'bmc.power', detail: `${action} by ${by}${earlier}: ${how}` };
  }
}

/** Which wakes of a disabled host are worth an audit entry: it may wake itself again and again. */
export class RevertNotes {
  readonly #rarely: Rarely;

  constructor(clock: Clock) {
    this.#rarely = new Rarely(clock, MOST_AN_HOUR);
  }

  /** Undefined where it is not worth one. */
  take(state: PowerState): Entry | undefined {
    const earlier = this.#rarely.take(state, FAILED_AGAIN_AFTER);
    if (earlier === undefined) return undefined;
    return { event: 'lock.wake-reverted', detail: `the host was in ${state}${earlier}` };
  }
}

/** For logs and for whoever asks who switched the host on. */
export function callerName(caller: Caller): string {
  switch (caller.is) {
    case 'user':
      return `IPMI user ${caller.name} at ${caller.session.peer}`;
    case 'host':
      return 'the host itself';
    case 'nobody':
      return 'nobody';
  }
}

const withoutPort = (peer: string): string => peer.replace(/:\d+$/, '');

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
