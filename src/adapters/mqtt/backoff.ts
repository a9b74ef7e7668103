import { type Duration, milliseconds } from '../../base/index.ts';

export interface BackoffRange {
  /** The longest first wait. */
  readonly first: Duration;
  /** The longest wait of all. */
  readonly longest: Duration;
}

/**
 * How long to wait before attempt number `attempt` (0 is the first after a loss). The range doubles each time, and the
 * wait lies anywhere in its upper three quarters: after a broker restart thousands of devices must not come back at
 * one instant, and none may come back at once.
 */
export function backoffDelay(attempt: number, fraction: number, range: BackoffRange): Duration {
  const ceiling = Math.min(range.longest, range.first * 2 ** Math.min(attempt, 30));
  return milliseconds(ceiling * (0.25 + 0.75 * fraction));
}
