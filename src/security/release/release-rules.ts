import { type Duration, milliseconds, minutes, seconds } from '../../base/index.ts';

/** What two codes together say, and what their keys must be allowed to order. */
export const RELEASE_ORDER = { verb: 'machine.enable', args: {} } as const;

/** So many wrong answers, and the challenge is another. */
export const TRIES = 5;
const FIRST_PAUSE = seconds(1);
const LONGEST_PAUSE = minutes(5);
/** One of so many is written into the audit log, after the first few. */
const NOTED_ONE_IN = 16;

/** How long the next answer waits: 1 s after the first wrong one, twice as long after each, 5 min at most, never for good. */
export function pauseAfter(wrongSoFar: number): Duration {
  if (wrongSoFar <= 0) return milliseconds(0);
  return milliseconds(Math.min(FIRST_PAUSE * 2 ** Math.min(wrongSoFar - 1, 16), LONGEST_PAUSE));
}

/** Whether this wrong answer is worth an entry: whoever sits at the console must not wash the log clean with them. */
export function isNoted(wrongSoFar: number): boolean {
  return wrongSoFar <= TRIES || wrongSoFar % NOTED_ONE_IN === 0;
}
