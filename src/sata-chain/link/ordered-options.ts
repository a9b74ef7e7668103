import type { ChainChannel } from '../../ports/index.ts';
import type { Nanoseconds } from '../time.ts';

export interface OrderedOptions {
  readonly channel: ChainChannel;
  /** Bytes of a message; larger than a frame where need be. */
  readonly largestMessage: number;
  /** Bytes that may wait; at least one message fits in any case. */
  readonly queueBytes: number;
  /** Given up where nothing was acknowledged for so long, or the link was disconnected for so long. */
  readonly patience: Nanoseconds;
  /** A number from 1 to 2^32-1 that was not used lately: random, since a restart forgets. */
  readonly newIncarnation: () => number;
}
