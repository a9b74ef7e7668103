import { type PhyTimings, SATA_TIMINGS, scaleTimings } from '../phy/timings.ts';
import type { UnitWait } from '../pttrsm/pttrsm.ts';
import { millis, type Nanoseconds, nanoseconds } from '../time.ts';

/** All waits of a unit. */
export type UnitTimings = { readonly phy: PhyTimings } & {
  /** `hold` null waits for members until an operator decides. */
  readonly [K in UnitWait]: K extends 'hold' ? Nanoseconds | null : Nanoseconds;
};

export const UNIT_TIMINGS: UnitTimings = {
  phy: SATA_TIMINGS,
  absent: millis(500),
  spin: millis(31_000),
  hold: null,
  handBack: millis(2000),
  resync: millis(3000),
  cominitGap: millis(10),
  cominitBackoff: millis(2000),
  cominitCalm: millis(10_000),
  resetWindow: millis(10_000),
};

/** COMINITs upward that may go at `cominitGap`; later ones wait `cominitBackoff` each, until `cominitCalm` has passed without one. */
export const CALLS_AT_FULL_RATE = 3;

/** For units whose links take so long for a signal and its answer. */
export function unitTimingsFor(roundTrip: Nanoseconds, base: UnitTimings = UNIT_TIMINGS): UnitTimings {
  const phy = scaleTimings(base.phy, roundTrip);
  const absent = nanoseconds(Math.max(base.absent, 2 * phy.parked, 4 * phy.retry));
  return { ...base, phy, absent, cominitGap: nanoseconds(Math.max(base.cominitGap, phy.retry)) };
}
