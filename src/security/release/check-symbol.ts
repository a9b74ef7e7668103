/** Primitive polynomials of GF(2^5) and GF(2^8), in which 2 generates all that is not zero. */
const POLYNOMIALS = { 5: 0x25, 8: 0x11d } as const;

/**
 * A check symbol over symbols of 5 or 8 bits: the n-th from the end weighs 2^n, the check itself 1. While these weights
 * differ (fewer than 31 or 255 symbols), any one wrong symbol and any two that changed places are found.
 */
export function checkSymbol(symbols: Iterable<number>, bits: keyof typeof POLYNOMIALS): number {
  let sum = 0;
  for (const symbol of symbols) {
    sum = (sum ^ symbol) << 1;
    if (sum >> bits !== 0) sum ^= POLYNOMIALS[bits];
  }
  return sum;
}
