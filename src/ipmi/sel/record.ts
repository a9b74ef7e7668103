import type { BmcSeconds } from '../command.ts';

/** Who made an event: a controller by its IPMB address, or software by its id. */
export interface Generator {
  readonly is: 'controller' | 'software';
  readonly id: number;
  readonly channel: number;
  readonly lun: number;
}

/** "clock": seconds since 1970. "start": since the BMC was started, for want of a clock. */
export interface SelTime {
  readonly seconds: BmcSeconds;
  readonly since: 'clock' | 'start' | 'unknown';
}

export interface SelEvent {
  readonly is: 'event';
  readonly id: number;
  readonly time: SelTime;
  readonly generator: Generator;
  readonly sensorType: number;
  readonly sensor: number;
  readonly eventType: number;
  readonly asserted: boolean;
  readonly offset: number;
  /** What data 2 and 3 hold; raw, as the sensor's SDR means them. */
  readonly reading: number | undefined;
  readonly threshold: number | undefined;
  readonly data: Uint8Array;
  /** "Temperature: upper critical going high". */
  readonly sentence: string;
}

/** A record of the event log (IPMI 2.0, chapter 32). */
export type SelRecord =
  | SelEvent
  | {
      readonly is: 'oem-timed';
      readonly id: number;
      readonly type: number;
      readonly time: SelTime;
      readonly manufacturer: number;
      readonly data: Uint8Array;
    }
  | { readonly is: 'oem'; readonly id: number; readonly type: number; readonly data: Uint8Array };
