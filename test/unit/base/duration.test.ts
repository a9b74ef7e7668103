import t from 'tap';
import { days, formatDuration, hours, milliseconds, minutes, seconds } from '../../../src/base/index.ts';

await t.test(
  'a length of time is told in the two units that matter, and never as more than it is',
  async (t) => {
    for (const [duration, text] of [
      [milliseconds(0), '0 ms'],
      [milliseconds(999.4), '999 ms'],
      [seconds(1), '1 s'],
      [milliseconds(12_500), '12.5 s'],
      [minutes(1), '1 min 0 s'],
      [milliseconds(119_900), '1 min 59 s'],
      [milliseconds(3_599_999), '59 min 59 s'],
      [hours(1), '1 h 0 min'],
      [hours(24), '24 h 0 min'],
      [milliseconds(172_799_999), '47 h 59 min'],
      [days(2), '2 days 0 h'],
      [milliseconds(31.5 * 86_400_000), '31 days 12 h'],
    ] as const) {
      t.equal(formatDuration(duration), text);
    }
  },
);
