import { formatDuration, seconds } from '../base/index.ts';
import type { ClockNote } from '../protocol/index.ts';
import { timeText } from './text.ts';

/** Between the two ends of an order this much is no difference. */
const SAME_SECONDS = 5;

/** What a device knows of time, beside our own clock of the moment. */
export function showClock({ wall, surely }: ClockNote, ours: number): string[] {
  return [
    `wall clock: ${timeText(wall)}, ${besides(wall - ours)}`,
    surely > ours + SAME_SECONDS
      ? `signed time: ${timeText(surely)}, AHEAD of ours by ${span(surely - ours)}: one of the two is wrong`
      : `signed time: surely after ${timeText(surely)}`,
    ...(wall < surely ? ['its wall clock is behind signed time, and is not believed'] : []),
  ];
}

function besides(ahead: number): string {
  if (Math.abs(ahead) <= SAME_SECONDS) return 'as ours';
  return `${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} ours`;
}

function span(difference: number): string {
  const days = Math.floor(difference / 86_400);
  return days > 1 ? `${days} days` : formatDuration(seconds(difference));
}
