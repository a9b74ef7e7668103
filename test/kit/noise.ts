import { seededRandom } from './power-cut.ts';

/** Bytes that look random, the same for the same seed. */
export function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
}
