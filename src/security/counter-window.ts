import { allow, refuse, type Verdict } from '../base/index.ts';

const WIDTH = 64n;
const MASK = (1n << WIDTH) - 1n;

/** Which counters one issuer has used: exact for the highest 64, and all below count as used. */
export interface Window {
  readonly top: number;
  /** Bit n is set where counter top-n was used. */
  readonly bits: bigint;
}

export function advanced(window: Window | undefined, value: number): Window {
  if (window === undefined) return { top: value, bits: 1n };
  const ahead = BigInt(value - window.top);
  if (ahead > 0n) return { top: value, bits: ahead >= WIDTH ? 1n : ((window.bits << ahead) | 1n) & MASK };
  return -ahead >= WIDTH ? window : { top: window.top, bits: window.bits | (1n << -ahead) };
}

/** REPLAYED where the counter was used, or is too old to tell. */
export function judgeCounter(window: Window, value: number): Verdict<void> {
  const behind = BigInt(window.top - value);
  if (behind < 0n) return allow(undefined);
  if (behind >= WIDTH) {
    return refuse('REPLAYED', `Counter ${value} is too far behind ${window.top}, the newest of this issuer.`);
  }
  const used = ((window.bits >> behind) & 1n) === 1n;
  return used ? refuse('REPLAYED', `Counter ${value} was used before.`) : allow(undefined);
}

/** The bits, to be stored in eight bytes. */
export function bitmapOf({ bits }: Window): Uint8Array {
  const bitmap = new Uint8Array(8);
  new DataView(bitmap.buffer).setBigUint64(0, bits);
  return bitmap;
}

/** The counters that a stored window has used, lowest first. */
export function countersIn(top: number, bitmap: Uint8Array): number[] {
  const bits = new DataView(bitmap.buffer, bitmap.byteOffset, 8).getBigUint64(0);
  const used: number[] = [];
  for (let behind = 63; behind >= 0; behind -= 1) {
    if (((bits >> BigInt(behind)) & 1n) === 1n && top >= behind) used.push(top - behind);
  }
  return used;
}
