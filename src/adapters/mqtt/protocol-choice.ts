import type { Duration } from '../../base/index.ts';

/** MQTT protocol level: 5, or 4 which is 3.1.1. */
export type ProtocolLevel = 5 | 4;

/** What is known of one broker. Losing it, or being lied to by whoever holds the line, costs features only. */
export interface ProtocolChoice {
  readonly next: ProtocolLevel;
  /** When 3.1.1 was last found to be needed. */
  readonly fellBackAt?: Duration;
}

export const UNKNOWN_BROKER: ProtocolChoice = { next: 5 };

/** The level for the next attempt: 5 is tried again once the fall-back is `reprobeAfter` old. */
export function levelFor(choice: ProtocolChoice, now: Duration, reprobeAfter: Duration): ProtocolLevel {
  const stale = choice.fellBackAt !== undefined && now - choice.fellBackAt >= reprobeAfter;
  return stale ? 5 : choice.next;
}

/** The broker answered at this level. */
export function spoke(choice: ProtocolChoice, level: ProtocolLevel, now: Duration): ProtocolChoice {
  if (level === 5) return UNKNOWN_BROKER;
  return choice.next === 4 && choice.fellBackAt !== undefined ? choice : { next: 4, fellBackAt: now };
}

/** The broker named the level unacceptable, or closed without an answer, which some do instead. */
export function wasRefused(level: ProtocolLevel, now: Duration): ProtocolChoice {
  return level === 5 ? { next: 4, fellBackAt: now } : UNKNOWN_BROKER;
}
