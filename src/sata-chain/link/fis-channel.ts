import type { ChainLink } from '../../ports/index.ts';
import { MOST_DATA } from '../fis/fis.ts';
import { millis, type Nanoseconds, nanoseconds, type Scheduler } from '../time.ts';
import type { FisPipe } from '../transport/fis-pipe.ts';
import { OrderedChannel } from './ordered.ts';

export interface FisChannelOptions {
  readonly newIncarnation: () => number;
  /** The channel is lost where nothing was acknowledged for so long; by default 5 s, or 64 round trips. */
  readonly patience?: Nanoseconds;
}

const PATIENCE = millis(5000);
const ROUND_TRIPS = 64;
const FIS_HEADER = 4;
/** A FIS takes at most so many frames, so that no other waits long behind it. */
const FRAMES = 8;
const QUEUED = 8;

/** A pipe that loses no FIS while it is connected, over a link that may lose frames. */
export interface FisChannel extends FisPipe {
  close(): void;
}

export function fisChannel(link: ChainLink, scheduler: Scheduler, options: FisChannelOptions): FisChannel {
  const { largestFrame, roundTrip } = link.capabilities;
  const largest = Math.min(FIS_HEADER + MOST_DATA, FRAMES * largestFrame);
  const channel = new OrderedChannel(link, scheduler, {
    channel: 'fis',
    largestMessage: largest,
    queueBytes: QUEUED * largest,
    patience: options.patience ?? nanoseconds(Math.max(PATIENCE, ROUND_TRIPS * millis(roundTrip))),
    newIncarnation: options.newIncarnation,
  });
  return {
    largest,
    send: (fis) => channel.send(fis),
    room: (signal) => channel.room(signal),
    onFis: (listener) => channel.onMessage(listener),
    onConnection: (listener) => channel.onConnection(listener),
    close: () => channel.close(),
  };
}
