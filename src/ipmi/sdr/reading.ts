import type { RawReading } from '../commands/get-sensor-reading.ts';
import { THRESHOLDS, type Threshold } from '../commands/sensor-thresholds.ts';
import { bit } from '../wire/bits.ts';
import { convert } from './convert.ts';
import type { AnySensor } from './shared.ts';
import { THRESHOLD_EVENTS, wordOf } from './state-words.ts';

export type Severity = 'ok' | 'non-critical' | 'critical' | 'non-recoverable';

/** What a sensor says, in words and units. */
export type Reading =
  | {
      readonly is: 'value';
      readonly value: number;
      readonly unit: string;
      readonly raw: number;
      readonly crossed: readonly Threshold[];
      readonly severity: Severity;
    }
  /** Of a discrete sensor, or of one whose numbers nobody but its maker can read. */
  | {
      readonly is: 'states';
      readonly states: readonly string[];
      readonly bits: number;
      readonly raw: number;
      readonly crossed: readonly Threshold[];
      readonly severity: Severity;
    }
  | {
      readonly is: 'none';
      /** `unavailable`: it is being started, or what it measures is not there. `event-only`: it cannot be read.
       * `elsewhere`: another controller has it. `refused`: the BMC gave this completion code. */
      readonly why: 'unavailable' | 'scanning-off' | 'event-only' | 'elsewhere' | 'refused';
      readonly completion?: number;
    };

const STATES = 15;

export function decodeReading(sensor: AnySensor, reading: RawReading): Reading {
  if (!reading.scanning) return { is: 'none', why: 'scanning-off' };
  if (reading.unavailable) return { is: 'none', why: 'unavailable' };
  const { raw, states: bits } = reading;
  const hasThresholds = sensor.eventType === THRESHOLD_EVENTS;
  const crossed = hasThresholds ? THRESHOLDS.filter((_, n) => bit(bits, n)) : [];
  const severity = severityOf(crossed);
  const value = sensor.is === 'full' ? convert(sensor, raw) : undefined;
  if (value !== undefined && sensor.is === 'full')
    return { is: 'value', value, unit: sensor.unit, raw, crossed, severity };
  const states = hasThresholds
    ? []
    : Array.from({ length: STATES }, (_, n) => n)
        .filter((n) => bit(bits, n))
        .map((n) => wordOf(sensor.sensorType, sensor.eventType, n));
  return { is: 'states', states, bits, raw, crossed, severity };
}

function severityOf(crossed: readonly Threshold[]): Severity {
  const has = (...names: readonly Threshold[]): boolean => names.some((name) => crossed.includes(name));
  if (has('lowerNonRecoverable', 'upperNonRecoverable')) return 'non-recoverable';
  if (has('lowerCritical', 'upperCritical')) return 'critical';
  return has('lowerNonCritical', 'upperNonCritical') ? 'non-critical' : 'ok';
}
