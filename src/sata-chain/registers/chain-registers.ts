import { register } from './layout.ts';

/** Drive state information: what a unit knows of its own drive. Beside it lie SECTORS (64 bits) and SERIAL (20 bytes). */
export const DSI = register({
  present: 0,
  phyReady: 1,
  signature: 2,
  identified: 3,
  speed: [7, 4],
  mediaError: 8,
  failed: 9,
  spare: 10,
  locked: 11,
  /** 0 none, 1 primary, 2 mirror. */
  raidRole: [13, 12],
  changed: 14,
  epoch: [31, 24],
});

/** Chain state information: what a unit knows of those above and below. Beside it lie SECTORS_BELOW and PRESENTED_SECTORS (64 bits each). */
export const CSI = register({
  upPhy: 0,
  downPresent: 1,
  downPhy: 2,
  downReady: 3,
  endOfChain: 4,
  degraded: 5,
  changed: 6,
  held: 7,
  /** Saturated at 255; the depth word of IDENTIFY has them all. */
  unitsBelow: [15, 8],
  speedUp: [19, 16],
  speedDown: [23, 20],
  epoch: [31, 24],
});

/** Internal state of one port's machine. `lastOob`: 0 none, 1 COMRESET or COMINIT, 2 COMWAKE. `retries` saturates at 63. */
export const ISR = register({ state: [3, 0], unsolicited: 4, seen: 5, lastOob: [9, 8], retries: [15, 10] });

/** The companion of a 64-bit count, low word first. */
export function wordsOf(count: number): readonly [low: number, high: number] {
  return [count % 2 ** 32, Math.floor(count / 2 ** 32)];
}

/** Inverse of wordsOf, exact below 2^53. */
export function countOf(low: number, high: number): number {
  return high * 2 ** 32 + low;
}
