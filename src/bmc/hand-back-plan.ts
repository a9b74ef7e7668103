import { type Duration, milliseconds } from '../base/index.ts';

/** How the time for handing a disk back is divided, each counted from the moment the host asked. */
export interface HandBackPlan {
  /** Holders may end their critical sections until then; after it their devices are dead. */
  readonly quietBy: Duration;
  /** Flushing may take until then. */
  readonly flushBy: Duration;
  /** The switch has moved by then. */
  readonly limit: Duration;
}

/** Three fifths for holders, one fifth for the flush, one fifth for the switch. */
export function planHandBack(limit: Duration): HandBackPlan {
  return { quietBy: milliseconds(limit * 0.6), flushBy: milliseconds(limit * 0.8), limit };
}
