import { microseconds, millis, type Nanoseconds, nanoseconds } from '../time.ts';

/** How long the phy machines wait, and how often they try. */
export interface PhyTimings {
  /** Six COMRESET or COMINIT bursts. */
  readonly cominitBurst: Nanoseconds;
  /** Six COMWAKE bursts. */
  readonly comwakeBurst: Nanoseconds;
  /** Asynchronous signal recovery; also the least time between two COMINITs of a device. */
  readonly retry: Nanoseconds;
  /** Between tries once `parkAfter` tries have met with silence. */
  readonly parked: Nanoseconds;
  readonly parkAfter: number;
  /** A device sends ALIGN for so long at each rate. */
  readonly alignPerRate: Nanoseconds;
  /** A host waits so long for ALIGN and for its end. */
  readonly alignWait: Nanoseconds;
  /** PMACK is sent for so long before the transmitter goes quiet. */
  readonly acknowledge: Nanoseconds;
}

/** By the SATA specification; `parked` and `parkAfter` are our own. */
export const SATA_TIMINGS: PhyTimings = {
  cominitBurst: nanoseconds(2560),
  comwakeBurst: nanoseconds(1280),
  retry: millis(10),
  parked: millis(250),
  parkAfter: 8,
  alignPerRate: nanoseconds(54_600),
  alignWait: nanoseconds(873_800),
  acknowledge: microseconds(1),
};

/**
 * The same machines on a slow link: every wait for an answer is at least four round trips, in the proportions of the
 * specification. On a cable nothing changes.
 */
export function scaleTimings(timings: PhyTimings, roundTrip: Nanoseconds): PhyTimings {
  const factor = Math.max(1, (4 * roundTrip) / timings.alignPerRate);
  const scaled = (time: Nanoseconds) => nanoseconds(Math.ceil(time * factor));
  const retry = nanoseconds(Math.max(timings.retry, 4 * roundTrip));
  return {
    ...timings,
    retry,
    parked: nanoseconds(Math.max(timings.parked, 8 * roundTrip)),
    alignPerRate: scaled(timings.alignPerRate),
    alignWait: scaled(timings.alignWait),
  };
}
