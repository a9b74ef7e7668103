import type { ByteView } from '../../base/index.ts';

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

/** Two's complement of this many bits. */
export const signed = (value: number, bits: number): number =>
  value >= 1 << (bits - 1) ? value - (1 << bits) : value;
