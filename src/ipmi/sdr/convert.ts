import { type Factors, signed } from '../commands/reading-factors.ts';
import type { AnalogFormat, FullSensor } from './record.ts';

/** From here on the factors hold for a part of the range only: Get Sensor Reading Factors tells them. */
export const NON_LINEAR = 0x70;

/** IPMI 2.0, table 43-1, byte 24. */
const LINEARISATIONS: readonly ((y: number) => number)[] = [
  (y) => y,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (y) => 10 ** y,
  (y) => 2 ** y,
  (y) => 1 / y,
  (y) => y ** 2,
  (y) => y ** 3,
  Math.sqrt,
  Math.cbrt,
];

/**
 * A raw value in the sensor's unit (IPMI 2.0, 36.3). Undefined where the sensor gives no number, where its formula is one
 * of the maker, or where the result is none (a logarithm of 0).
 */
export function convert(
  sensor: Pick<FullSensor, 'format' | 'linearisation' | 'factors'>,
  raw: number,
): number | undefined {
  const x = numberOf(sensor.format, raw);
  const formula = sensor.linearisation >= NON_LINEAR ? 0 : sensor.linearisation;
  const linearise = LINEARISATIONS[formula];
  if (x === undefined || linearise === undefined) return undefined;
  const value = linearise(linear(sensor.factors, x));
  return Number.isFinite(value) ? value : undefined;
}

/**
 * The raw value nearest to a value, for thresholds: only of sensors whose formula is linear. Undefined where the sensor
 * cannot express it.
 */
export function unconvert(
  sensor: Pick<FullSensor, 'format' | 'linearisation' | 'factors'>,
  value: number,
): number | undefined {
  if (sensor.linearisation !== 0 || sensor.format === 'none' || sensor.factors.m === 0) return undefined;
  const { m, b, bExponent, resultExponent } = sensor.factors;
  const x = Math.round((scaled(value, -resultExponent) - scaled(b, bExponent)) / m);
  if (sensor.format === 'unsigned') return x >= 0 && x <= 0xff ? x : undefined;
  const least = sensor.format === 'ones-complement' ? -127 : -128;
  if (x < least || x > 127) return undefined;
  if (x >= 0) return x;
  return sensor.format === 'ones-complement' ? x + 0xff : x + 0x100;
}

const linear = ({ m, b, bExponent, resultExponent }: Factors, x: number): number =>
  scaled(m * x + scaled(b, bExponent), resultExponent);

/** Divided where the exponent is negative: 33 / 10 is 3.3, and 33 * 10 ** -1 is not. */
const scaled = (value: number, exponent: number): number =>
  exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;

function numberOf(format: AnalogFormat, raw: number): number | undefined {
  switch (format) {
    case 'unsigned':
      return raw;
    case 'twos-complement':
      return signed(raw, 8);
    case 'ones-complement':
      return raw >= 0x80 ? raw - 0xff : raw;
    case 'none':
      return undefined;
  }
}
