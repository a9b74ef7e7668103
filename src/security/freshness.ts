import { createHash } from 'node:crypto';
import { allow, equalBytes, refuse, type Verdict } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { needsTwoPeople } from './authority.ts';
import { CounterWindows } from './counter-windows.ts';
import { isLasting } from './order-shape.ts';

/** What the clocks say at the moment of judging. */
export interface ClockReading {
  readonly wallSeconds: number;
  /** Milliseconds since some fixed moment of this boot. */
  readonly monotonic: number;
}

export interface FreshnessOptions {
  /** Seconds since 1970 that have surely passed: the build's, or the last signed time seen. */
  readonly floor?: number;
  /** How many nonces given out stay good; older ones are forgotten. */
  readonly nonces?: number;
}

const NONCES = 16;

/**
 * Under which id the counters of such an order are kept: its issuer's, but apart from them where it takes two people.
 * Such an order may be days on its way to the second person, while the first gives others.
 */
export function counterWindow(order: Pick<Order, 'iss' | 'verb' | 'args'>): Uint8Array {
  const { iss } = order;
  if (!needsTwoPeople(order)) return iss;
  const digest = createHash('sha256').update('nightshift two people').update(iss).digest();
  return new Uint8Array(digest.subarray(0, iss.byteLength));
}

/**
 * Whether an authentic order is new and in time. Replay is judged by a 64-wide counter window for each issuer;
 * expiry by the wall clock, held above a floor that only moves forward; and where an order quotes a nonce, by monotonic
 * time since this device gave it out. There is no clock inside: the caller reads it.
 */
export class Freshness {
  readonly #windows = new CounterWindows();
  readonly #nonces: { readonly nonce: Uint8Array; readonly at: number }[] = [];
  readonly #keep: number;
  #floor: number;

  constructor(options: FreshnessOptions = {}) {
    this.#floor = options.floor ?? 0;
    this.#keep = options.nonces ?? NONCES;
  }

  /** REPLAYED, NOT_YET_VALID or EXPIRED. Changes nothing: call remember when the order is taken. */
  judge(order: Order, now: ClockReading): Verdict<void> {
    const counter = this.#windows.judge(counterWindow(order), order.ctr);
    if (!counter.ok) return counter;
    const seconds = Math.max(now.wallSeconds, this.#floor);
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
    const given = this.#nonces.find((entry) => equalBytes(entry.nonce, nonce));
    if (given === undefined) {
      return refuse(
        'EXPIRED',
        'The order quotes a nonce that this device did not give out, or gave out too long ago.',
      );
    }
    const age = monotonic - given.at;
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

  /** Seconds since 1970 that have surely passed. */
  get floor(): number {
    return this.#floor;
  }

  /** Signed time was seen: whatever the wall clock says, it is not earlier than this. */
  noteTime(seconds: number): void {
    this.#floor = Math.max(this.#floor, seconds);
  }

  /** This device gives out a nonce now. The oldest one is forgotten where there are too many. */
  noteNonce(nonce: Uint8Array, monotonic: number): void {
    this.#nonces.push({ nonce: new Uint8Array(nonce), at: monotonic });
    if (this.#nonces.length > this.#keep) this.#nonces.shift();
  }

  /** Counters and floor, to be stored. Nonces are left out: monotonic time does not outlive a boot. */
  snapshot(): Uint8Array {
    return this.#windows.snapshot(this.#floor);
  }

  /**
   * Takes a snapshot in, beside what is known already: counters and floor only move forward. NS_FRESHNESS_INVALID
   * where the bytes are no snapshot.
   */
  restore(bytes: Uint8Array): void {
    this.noteTime(this.#windows.restore(bytes));
  }
}
