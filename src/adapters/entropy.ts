import { randomBytes } from 'node:crypto';
import type { Entropy } from '../ports/index.ts';

/** The operating system's random source. */
export const systemEntropy: Entropy = {
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
