import type { Clock } from '../../ports/index.ts';
import type { ClockReading, Freshness } from '../../security/index.ts';
import { type Journal, ONE_PERSON_DAYS, type SignedTime } from '../../tasks/index.ts';
import { RELEASED } from '../version.ts';

const DAY = 86_400;
const YEAR_SECONDS = 31_557_600;
/** No device of this release is in use so long after it: what is signed for later is a slip, or an attack. */
const LONGEST_USE = 25 * YEAR_SECONDS;

export function readingOf(clock: Clock): ClockReading {
  return { wallSeconds: clock.wallSeconds(), monotonic: clock.monotonic() };
}

/** Signed time of a device, kept in its journal. */
export function signedTime(freshness: Freshness, journal: Journal, clock: Clock): SignedTime {
  let agreed = { seconds: freshness.surely(clock.monotonic()), monotonic: clock.monotonic() };
  return {
    latest: RELEASED + LONGEST_USE,
    latestByOne: () =>
      agreed.seconds + Math.floor((clock.monotonic() - agreed.monotonic) / 1000) + ONE_PERSON_DAYS * DAY,
    surely: () => freshness.surely(clock.monotonic()),
    async move(seconds, by) {
      if (by === 'two people') agreed = { seconds, monotonic: clock.monotonic() };
      // First in memory: a journal that is rewritten meanwhile takes it from there.
      freshness.noteTime(seconds, clock.monotonic());
      await journal.append({ r: 'freshness', state: freshness.floorSnapshot() });
    },
    nonce: () => freshness.giveNonce(clock.monotonic()),
  };
}
