import * as v from 'valibot';
import { allow, fromHex, NsError, refuse, toHex, type Verdict } from '../base/index.ts';
import { encode, readCbor } from '../protocol/index.ts';

const WIDTH = 64n;
const MASK = (1n << WIDTH) - 1n;
/** Far above any keyring; an issuer is never dropped, since its orders could then be given again. */
const MAX_ISSUERS = 4096;

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const bytesOf = (n: number) =>
  v.pipe(
    v.instance(Uint8Array),
    v.check((b) => b.byteLength === n),
  );
const snapshotShape = v.strictObject({
  v: v.literal(1),
  floor: counter,
  /** [issuer, highest counter, bitmap of the 64 up to it]. */
  seen: v.pipe(v.array(v.tuple([bytesOf(8), counter, bytesOf(8)])), v.maxLength(MAX_ISSUERS)),
});

interface Window {
  readonly top: number;
  /** Bit n is set where counter top-n was used. */
  readonly bits: bigint;
}

function advanced(window: Window | undefined, value: number): Window {
  if (window === undefined) return { top: value, bits: 1n };
  const ahead = BigInt(value - window.top);
  if (ahead > 0n) return { top: value, bits: ahead >= WIDTH ? 1n : ((window.bits << ahead) | 1n) & MASK };
  return -ahead >= WIDTH ? window : { top: window.top, bits: window.bits | (1n << -ahead) };
}

/** Which counters each issuer has used: exact for the highest 64, and all below count as used. */
export class CounterWindows {
  readonly #byIssuer = new Map<string, Window>();

  judge(issuer: Uint8Array, value: number): Verdict<void> {
    const window = this.#byIssuer.get(toHex(issuer));
    if (window === undefined) {
      if (this.#byIssuer.size < MAX_ISSUERS) return allow(undefined);
      return refuse('JOURNAL_FULL', 'The device keeps counters of as many issuers as it can.');
    }
    const behind = BigInt(window.top - value);
    if (behind < 0n) return allow(undefined);
    if (behind >= WIDTH) {
      return refuse(
        'REPLAYED',
        `Counter ${value} is too far behind ${window.top}, the newest of this issuer.`,
      );
    }
    const used = ((window.bits >> behind) & 1n) === 1n;
    return used ? refuse('REPLAYED', `Counter ${value} was used before.`) : allow(undefined);
  }

  remember(issuer: Uint8Array, value: number): void {
    const key = toHex(issuer);
    this.#byIssuer.set(key, advanced(this.#byIssuer.get(key), value));
  }

  snapshot(floor: number): Uint8Array {
    const seen = Array.from(this.#byIssuer, ([issuer, { top, bits }]) => {
      const bitmap = new Uint8Array(8);
      new DataView(bitmap.buffer).setBigUint64(0, bits);
      return [fromHex(issuer), top, bitmap];
    });
    return encode({ v: 1, floor, seen });
  }

  /** Merges a snapshot in and gives its floor. */
  restore(bytes: Uint8Array): number {
    const item = readCbor(bytes, { maxDepth: 4 });
    const shape = item.ok ? v.safeParse(snapshotShape, item.value) : undefined;
    if (shape?.success !== true) {
      throw new NsError('NS_FRESHNESS_INVALID', 'not a snapshot of order counters', { family: 'peer' });
    }
    for (const [issuer, top, bitmap] of shape.output.seen) {
      const bits = new DataView(bitmap.buffer, bitmap.byteOffset, 8).getBigUint64(0);
      for (let behind = 63; behind >= 0; behind -= 1) {
        if (((bits >> BigInt(behind)) & 1n) === 1n && top >= behind) this.remember(issuer, top - behind);
      }
    }
    return shape.output.floor;
  }
}
