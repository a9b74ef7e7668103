import type { Factors } from '../commands/reading-factors.ts';

const COUNTS = 255;
const MOST_M = 511;
const MOST_B = 511;
const EXPONENTS = Array.from({ length: 16 }, (_, n) => 7 - n);
/** What rounding of decimal fractions may be off by. */
const SLACK = 1e-9;

/**
 * The factors by which 256 counts reach from `least` to `most` in the finest steps: value = (m · count + b · 10^bExponent) ·
 * 10^resultExponent. Of equal steps the one with the smallest numbers.
 */
export function factorsFor(least: number, most: number): Factors {
  let best: { readonly factors: Factors; readonly step: number } | undefined;
  for (const resultExponent of EXPONENTS) {
    for (const bExponent of EXPONENTS) {
      const [unit, bUnit] = [10 ** resultExponent, 10 ** (resultExponent + bExponent)];
      const b = Math.floor(least / bUnit + SLACK);
      const m = Math.max(1, Math.ceil((most - b * bUnit) / unit / COUNTS - SLACK));
      if (Math.abs(b) > MOST_B || m > MOST_M) continue;
      const step = m * unit;
      if (best !== undefined && step > best.step * (1 - SLACK)) continue;
      // A B of 0 needs no exponent.
      const factors = { m, b, bExponent: b === 0 ? 0 : bExponent, resultExponent, tolerance: 0, accuracy: 0 };
      best = { factors, step };
    }
  }
  // Every finite range has factors: the exponents reach from 10^-16 to 10^14.
  return best!.factors;
}
