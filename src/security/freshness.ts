import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { allow, concatBytes, NsError, refuse, type Verdict } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { needsTwoPeople } from './authority.ts';
import { CounterWindows } from './counter-windows.ts';
import { giverOf } from './grant-chain.ts';
import { isLasting } from './order-shape.ts';
import { passedWindow } from './passed-windows.ts';

/** What the clocks say at the moment of judging. */
export interface ClockReading {
  readonly wallSeconds: number;
  /** Milliseconds since some fixed moment of this boot. */
  readonly monotonic: number;
}

export interface FreshnessOptions {
  /** Seconds since 1970 that have surely passed: the build's. */
  readonly floor?: number;
  /** Monotonic milliseconds of now, when what is stored is read back. */
  readonly startedAt?: number;
  /** Of this boot, 32 bytes drawn at random; without it no nonce is given out. */
  readonly nonceKey?: Uint8Array;
}

/** A nonce is the monotonic millisecond in which it was given out, and as many bytes of an HMAC over that. */
const NONCE_TIME_BYTES = 6;
const NONCE_MAC_BYTES = 10;

/**
 * Of a second of our monotonic clock, how much has surely passed: no crystal that a kernel steers is a thousandth fast.
 * What has surely passed may be too little, never too much.
 */
const SURE = 0.999;

/**
 * Under which id the counters of such an order are kept: its issuer's, but apart from them where it takes two people.
 * Such an order may be days on its way to the second, while the first gives others. By a right that was passed on they
 * are kept for giver and holder.
 */
export function counterWindow(order: Pick<Order, 'iss' | 'verb' | 'args' | 'grants' | 'exp'>): Uint8Array {
  const { iss, grants, exp = 0 } = order;
  if (grants !== undefined) return passedWindow(giverOf(grants) ?? iss, iss, exp);
  if (!needsTwoPeople(order)) return iss;
  const digest = createHash('sha256').update('nightshift two people').update(iss).digest();
  return new Uint8Array(digest.subarray(0, iss.byteLength));
}

/**
 * Whether an authentic order is new and in time. Replay is judged by a 64-wide counter window for each issuer;
 * expiry by the wall clock, held above a time that has surely passed and only moves forward; and where an order quotes a
 * nonce, by monotonic time since this device gave it out, whatever any wall clock says. There is no clock inside: the
 * caller reads it.
 */
export class Freshness {
  readonly #windows = new CounterWindows();
  readonly #startedAt: number;
  readonly #nonceKey: Uint8Array | undefined;
  /** It was this time or later when the monotonic clock read this. */
  #mark: { readonly seconds: number; readonly monotonic: number };

  constructor(options: FreshnessOptions = {}) {
    this.#startedAt = options.startedAt ?? 0;
    this.#nonceKey = options.nonceKey;
    this.#mark = { seconds: options.floor ?? 0, monotonic: this.#startedAt };
  }

  /** REPLAYED, NOT_YET_VALID or EXPIRED. Changes nothing: call remember when the order is taken. */
  judge(order: Order, now: ClockReading): Verdict<void> {
    const counter = this.#windows.judge(counterWindow(order), order.ctr);
    return counter.ok ? this.inTime(order, now) : counter;
  }

  /** NOT_YET_VALID or EXPIRED; counters are not looked at. */
  inTime(order: Order, now: ClockReading): Verdict<void> {
    const seconds = Math.max(now.wallSeconds, this.surely(now.monotonic));
    if (order.nbf !== undefined && seconds < order.nbf) {
      return refuse('NOT_YET_VALID', `The order becomes valid in ${order.nbf - seconds} s.`);
    }
    if (isLasting(order)) return allow(undefined);
    if (order.exp !== undefined && seconds >= order.exp) {
      return refuse('EXPIRED', `The order was good until ${seconds - order.exp} s ago.`);
    }
    return this.#judgeNonce(order, now.monotonic);
  }

  #judgeNonce(order: Order, monotonic: number): Verdict<void> {
    const { nonce, maxAge } = order;
    if (nonce === undefined || maxAge === undefined) return allow(undefined);
    const givenAt = this.#givenAt(nonce);
    if (givenAt === undefined || givenAt > monotonic) {
      return refuse(
        'EXPIRED',
        'The order quotes a nonce that this device has not given out since it was started.',
      );
    }
    const age = monotonic - givenAt;
    if (age <= maxAge * 1000) return allow(undefined);
    return refuse(
      'EXPIRED',
      `The order is good for ${maxAge} s; its nonce is ${Math.floor(age / 1000)} s old.`,
    );
  }

  /** Call when the order is taken, with its counter window, before the next is judged, and again for every stored order at start. */
  remember(window: Uint8Array, counter: number): void {
    this.#windows.remember(window, counter);
  }

  /** The highest counter that was taken of this key; 0 where there is none. */
  lastCounter(keyId: Uint8Array): number {
    return this.#windows.highest(keyId);
  }

  /** Seconds since 1970: the last signed time, or the build's. This is what is stored. */
  get floor(): number {
    return this.#mark.seconds;
  }

  /** Seconds since 1970 that have surely passed by now: the floor, and what our own clock has counted since. */
  surely(monotonic: number): number {
    const { seconds, monotonic: since } = this.#mark;
    return seconds + Math.floor((Math.max(0, monotonic - since) * SURE) / 1000);
  }

  /**
   * By which time the ends of grants are judged for an order. Whoever sets the wall clock forward must not keep a
   * machine from being disabled: for an order that lasts only what has surely passed counts.
   */
  timeFor(order: Pick<Order, 'verb'>, now: ClockReading): number {
    const surely = this.surely(now.monotonic);
    return isLasting(order) ? surely : Math.max(now.wallSeconds, surely);
  }

  /** Signed time was seen: whatever the wall clock says, it is not earlier than this. What is earlier changes nothing. */
  noteTime(seconds: number, monotonic: number): void {
    if (seconds > this.surely(monotonic)) this.#mark = { seconds, monotonic };
  }

  /** Gives out a nonce: 16 bytes that only this boot can have made, and that say when. NS_NO_NONCE without a key. */
  giveNonce(monotonic: number): Uint8Array {
    const time = new Uint8Array(NONCE_TIME_BYTES);
    new DataView(time.buffer).setUint16(0, Math.floor(monotonic / 2 ** 32));
    new DataView(time.buffer).setUint32(2, Math.floor(monotonic) % 2 ** 32);
    return concatBytes(time, this.#mac(time));
  }

  #givenAt(nonce: Uint8Array): number | undefined {
    if (this.#nonceKey === undefined || nonce.byteLength !== NONCE_TIME_BYTES + NONCE_MAC_BYTES)
      return undefined;
    const time = nonce.subarray(0, NONCE_TIME_BYTES);
    if (!timingSafeEqual(this.#mac(time), nonce.subarray(NONCE_TIME_BYTES))) return undefined;
    const view = new DataView(time.buffer, time.byteOffset, NONCE_TIME_BYTES);
    return view.getUint16(0) * 2 ** 32 + view.getUint32(2);
  }

  #mac(time: Uint8Array): Uint8Array {
    if (this.#nonceKey === undefined)
      throw new NsError('NS_NO_NONCE', 'no key makes nonces', { family: 'bug' });
    const mac = createHmac('sha256', this.#nonceKey).update('nightshift nonce').update(time).digest();
    return new Uint8Array(mac.subarray(0, NONCE_MAC_BYTES));
  }

  /** Counters and floor, to be stored. Nonces are left out: monotonic time does not outlive a boot. */
  snapshot(): Uint8Array {
    return this.#windows.snapshot(this.floor);
  }

  /** The floor alone, to be stored and restored as a snapshot is. */
  floorSnapshot(): Uint8Array {
    return new CounterWindows().snapshot(this.floor);
  }

  /**
   * Takes a snapshot in, beside what is known already: counters and floor only move forward. NS_FRESHNESS_INVALID
   * where the bytes are no snapshot.
   */
  restore(bytes: Uint8Array): void {
    this.noteTime(this.#windows.restore(bytes), this.#startedAt);
  }
}
