import { type Duration, minutes } from '../../base/index.ts';
import { within } from '../command.ts';

const UNSPECIFIED = 0x7fff;
/** A day, which is what the specification allows for. */
const MOST_MINUTES = 1440;

/** How far the log's clock is ahead of UTC; undefined where nobody has said. */
export type UtcOffset = Duration | undefined;

export const utcOffsetIn = (word: number): UtcOffset =>
  word === UNSPECIFIED ? undefined : minutes((word << 16) >> 16);

export const utcOffsetWord = (offset: UtcOffset): number =>
  offset === undefined
    ? UNSPECIFIED
    : within(Math.round(offset / 60_000), -MOST_MINUTES, MOST_MINUTES, 'the offset in minutes') & 0xffff;
