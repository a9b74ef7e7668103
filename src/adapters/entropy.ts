import { randomBytes, randomFillSync } from 'node:crypto';
import type { Entropy } from '../ports/index.ts';

/** Small requests are served from a stock: asking the system for a few bytes costs as much as for thousands. */
const STOCK = 4096;
const SMALL = 64;

const stock = new Uint8Array(STOCK);
let used = STOCK;

/** Each byte is given once, and none is kept. */
function few(count: number): Uint8Array {
  if (used + count > STOCK) {
    randomFillSync(stock);
    used = 0;
  }
  const taken = stock.slice(used, used + count);
  stock.fill(0, used, used + count);
  used += count;
  return taken;
}

/** The operating system's random source. */
export const systemEntropy: Entropy = {
  randomBytes: (count) => (count <= SMALL ? few(count) : new Uint8Array(randomBytes(count))),
  fraction: () => {
    const bytes = few(6);
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
  },
};
