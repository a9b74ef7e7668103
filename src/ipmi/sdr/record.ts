import type { Factors } from '../commands/reading-factors.ts';
import type { Threshold } from '../commands/sensor-thresholds.ts';

export interface Entity {
  readonly id: number;
  readonly instance: number;
  /** A grouping, not a thing of its own. */
  readonly logical: boolean;
}

/** What every record of a sensor tells. */
export interface Sensor {
  readonly record: number;
  /** IPMB slave address of whoever has it, or a software id (odd): 20h is the BMC itself. */
  readonly owner: number;
  readonly channel: number;
  readonly lun: number;
  readonly number: number;
  readonly entity: Entity;
  readonly sensorType: number;
  /** Event/reading type: 1 has thresholds, 6Fh states of the sensor type, others states of a generic kind. */
  readonly eventType: number;
  readonly name: string;
}

/** A record may stand for several sensors, with numbers and names that count up. */
export interface Sharing {
  readonly count: number;
  /** Of the number behind the name. */
  readonly first: number;
  readonly letters: boolean;
  readonly instancesCountToo: boolean;
}

export type AnalogFormat = 'unsigned' | 'ones-complement' | 'twos-complement' | 'none';

/** What a reading is in: "degrees C", "RPM", "bit per second", "%". */
export interface FullSensor extends Sensor {
  readonly is: 'full';
  readonly unit: string;
  readonly format: AnalogFormat;
  readonly linearisation: number;
  readonly factors: Factors;
  /** Raw; undefined where the record does not say. */
  readonly nominal: number | undefined;
  readonly normalMost: number | undefined;
  readonly normalLeast: number | undefined;
  readonly most: number;
  readonly least: number;
  readonly readable: readonly Threshold[];
  readonly settable: readonly Threshold[];
  readonly hysteresis: { readonly positive: number; readonly negative: number };
}

export interface CompactSensor extends Sensor {
  readonly is: 'compact';
  readonly unit: string;
  readonly sharing: Sharing;
}

/** Sends events, and cannot be read. */
export interface EventOnlySensor extends Sensor {
  readonly is: 'event-only';
  readonly sharing: Sharing;
}

export const MC_CAPABILITIES = [
  'sensor',
  'sdr-repository',
  'sel',
  'fru-inventory',
  'event-receiver',
  'event-generator',
  'bridge',
  'chassis',
] as const;

export interface McLocator {
  readonly is: 'mc-locator';
  readonly record: number;
  readonly address: number;
  readonly channel: number;
  readonly capabilities: readonly (typeof MC_CAPABILITIES)[number][];
  readonly entity: Entity;
  readonly name: string;
}

export interface FruLocator {
  readonly is: 'fru-locator';
  readonly record: number;
  readonly address: number;
  /** Behind a management controller: to be read by Read FRU Data. Otherwise a chip on a bus. */
  readonly logical: boolean;
  /** FRU device id where logical, else slave address. */
  readonly device: number;
  readonly lun: number;
  readonly bus: number;
  readonly channel: number;
  readonly deviceType: number;
  readonly modifier: number;
  readonly entity: Entity;
  readonly name: string;
}

/** A record of the SDR repository (IPMI 2.0, chapter 43). */
export type SdrRecord =
  | FullSensor
  | CompactSensor
  | EventOnlySensor
  | McLocator
  | FruLocator
  | { readonly is: 'oem'; readonly record: number; readonly manufacturer: number; readonly data: Uint8Array }
  | { readonly is: 'other'; readonly record: number; readonly type: number; readonly data: Uint8Array }
  /** Cut, or with values that make no sense. */
  | {
      readonly is: 'damaged';
      readonly record: number;
      readonly type: number;
      readonly data: Uint8Array;
      readonly why: string;
    };
