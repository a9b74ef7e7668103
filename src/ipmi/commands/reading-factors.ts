import type { ByteView } from '../../base/index.ts';
import { within } from '../command.ts';

/** value = L((m · raw + b · 10^bExponent) · 10^resultExponent), with L the sensor's linearisation (IPMI 2.0, 36.3). */
export interface Factors {
  readonly m: number;
  readonly b: number;
  readonly bExponent: number;
  readonly resultExponent: number;
  /** In raw counts, to either side. */
  readonly tolerance: number;
  /** In per cent of the reading. */
  readonly accuracy: number;
}

/** The six bytes that a full sensor record and Get Sensor Reading Factors have alike. */
export function decodeFactors(view: ByteView, at: number): Factors {
  const [mHigh, bHigh, accuracyHigh, exponents] = [
    view.u8(at + 1),
    view.u8(at + 3),
    view.u8(at + 4),
    view.u8(at + 5),
  ];
  const accuracy = (bHigh & 0x3f) | ((accuracyHigh >> 4) << 6);
  return {
    m: signed(view.u8(at) | ((mHigh >> 6) << 8), 10),
    b: signed(view.u8(at + 2) | ((bHigh >> 6) << 8), 10),
    bExponent: signed(exponents & 0x0f, 4),
    resultExponent: signed(exponents >> 4, 4),
    tolerance: (mHigh & 0x3f) / 2,
    accuracy: (accuracy / 100) * 10 ** ((accuracyHigh >> 2) & 3),
  };
}

const MOST_ACCURACY = 0x3ff;

/** The bytes that decodeFactors reads. NS_IPMI_ARGUMENT where a factor does not fit into its bits. */
export function encodeFactors(factors: Factors): readonly number[] {
  const m = within(factors.m, -512, 511, 'M') & 0x3ff;
  const b = within(factors.b, -512, 511, 'B') & 0x3ff;
  const tolerance = within(factors.tolerance * 2, 0, 0x3f, 'the tolerance in half counts');
  const exponents = [factors.resultExponent, factors.bExponent].map(
    (each) => within(each, -8, 7, 'an exponent') & 0x0f,
  );
  // Hundredths of a per cent; rounded, since 1.1 * 100 is a little more than 110.
  const hundredths = Math.round(factors.accuracy * 100);
  const exponent = [0, 1, 2].find((each) => hundredths <= MOST_ACCURACY * 10 ** each) ?? 3;
  const accuracy = within(Math.round(hundredths / 10 ** exponent), 0, MOST_ACCURACY, 'the accuracy');
  return [
    m & 0xff,
    ((m >> 8) << 6) | tolerance,
    b & 0xff,
    ((b >> 8) << 6) | (accuracy & 0x3f),
    ((accuracy >> 6) << 4) | (exponent << 2),
    (exponents[0]! << 4) | exponents[1]!,
  ];
}

/** Two's complement of this many bits. */
export const signed = (value: number, bits: number): number =>
  value >= 1 << (bits - 1) ? value - (1 << bits) : value;
