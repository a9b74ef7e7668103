import { type Duration, milliseconds, minutes, seconds } from '../../../base/index.ts';

/** So many at once, so many a second after that. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How failed logins slow down those that follow: so many for nothing, then a wait that doubles up to the longest. */
export interface Slowdown {
  readonly free: number;
  readonly first: Duration;
  readonly longest: Duration;
}

/** What a LAN responder takes on. Everything is bounded, whoever asks for it. */
export interface LanLimits {
  /** Open sessions; 63 at most, as their count has six bits on the wire. */
  readonly sessions: number;
  readonly halfOpen: number;
  readonly halfOpenPerAddress: number;
  readonly halfOpenFor: Duration;
  /** A session from which nothing was heard for so long ends (IPMI 2.0, 6.12.15). */
  readonly idle: Duration;
  /** Requests of one session that wait while another of it is being answered. */
  readonly waiting: number;
  /** Datagrams outside sessions, from one address and from all. */
  readonly perAddress: Rate;
  readonly overall: Rate;
  /**
   * Failed logins from one address, and of one account from wherever. The second one's longest wait is far below the first one's:
   * whoever fails on purpose is kept waiting much longer than the account's owner at another address.
   */
  readonly addressSlowdown: Slowdown;
  readonly accountSlowdown: Slowdown;
  /** Without a further failure for so long, earlier ones are forgotten. */
  readonly forgive: Duration;
}

export const LAN_LIMITS: LanLimits = {
  sessions: 16,
  halfOpen: 16,
  halfOpenPerAddress: 4,
  halfOpenFor: seconds(5),
  idle: seconds(60),
  waiting: 8,
  perAddress: { perSecond: 100, burst: 200 },
  overall: { perSecond: 1000, burst: 1000 },
  addressSlowdown: { free: 3, first: seconds(1), longest: seconds(60) },
  accountSlowdown: { free: 10, first: milliseconds(250), longest: seconds(2) },
  forgive: minutes(10),
};
