import * as v from 'valibot';
import { allow, fromHex, NsError, refuse, toHex, type Verdict } from '../base/index.ts';
import { encode, readCbor } from '../protocol/index.ts';
import { advanced, bitmapOf, countersIn, judgeCounter, type Window } from './counter-window.ts';
import { isPassedWindow, MAX_PASSED, PassedWindows } from './passed-windows.ts';

/** Far above any keyring; an issuer is never dropped, since its orders could then be given again. */
const MAX_ISSUERS = 4096;
const MAX_ITEMS = 65_536;

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const bytesOf = (n: number) =>
  v.pipe(
    v.instance(Uint8Array),
    v.check((b) => b.byteLength === n),
  );
const id = bytesOf(8);
const bitmap = bytesOf(8);
const snapshotShape = v.strictObject({
  v: v.literal(1),
  floor: counter,
  /** [issuer, highest counter, bitmap of the 64 up to it]. */
  seen: v.pipe(v.array(v.tuple([id, counter, bitmap])), v.maxLength(MAX_ISSUERS)),
  /** Of rights that were passed on. */
  passed: v.optional(
    v.strictObject({
      givers: v.pipe(v.array(v.tuple([id, counter])), v.maxLength(MAX_PASSED)),
      rows: v.pipe(v.array(v.tuple([id, id, counter, bitmap, counter, counter])), v.maxLength(MAX_PASSED)),
    }),
  ),
});

/** Which counters each issuer has used. */
export class CounterWindows {
  readonly #byIssuer = new Map<string, Window>();
  readonly #passed = new PassedWindows();

  judge(issuer: Uint8Array, value: number): Verdict<void> {
    if (isPassedWindow(issuer)) return this.#passed.judge(issuer, value);
    const window = this.#byIssuer.get(toHex(issuer));
    if (window !== undefined) return judgeCounter(window, value);
    if (this.#byIssuer.size < MAX_ISSUERS) return allow(undefined);
    return refuse('JOURNAL_FULL', 'The device keeps counters of as many issuers as it can.');
  }

  remember(issuer: Uint8Array, value: number): void {
    if (isPassedWindow(issuer)) {
      this.#passed.remember(issuer, value);
      return;
    }
    const key = toHex(issuer);
    this.#byIssuer.set(key, advanced(this.#byIssuer.get(key), value));
  }

  /** The highest counter of this issuer; 0 where there is none. */
  highest(issuer: Uint8Array): number {
    if (isPassedWindow(issuer)) return this.#passed.highest(issuer);
    return this.#byIssuer.get(toHex(issuer))?.top ?? 0;
  }

  snapshot(floor: number): Uint8Array {
    const seen = Array.from(this.#byIssuer, ([issuer, window]) => [
      fromHex(issuer),
      window.top,
      bitmapOf(window),
    ]);
    const passed = this.#passed.snapshot();
    return encode({ v: 1, floor, seen, ...(passed.givers.length === 0 ? {} : { passed }) });
  }

  /** Merges a snapshot in and gives its floor. */
  restore(bytes: Uint8Array): number {
    const item = readCbor(bytes, { maxDepth: 4, maxItems: MAX_ITEMS });
    const shape = item.ok ? v.safeParse(snapshotShape, item.value) : undefined;
    if (shape?.success !== true) {
      throw new NsError('NS_FRESHNESS_INVALID', 'not a snapshot of order counters', { family: 'peer' });
    }
    const { floor, seen, passed } = shape.output;
    for (const [issuer, top, used] of seen) {
      for (const value of countersIn(top, used)) this.remember(issuer, value);
    }
    if (passed !== undefined) this.#passed.restore(passed.givers, passed.rows);
    return floor;
  }
}
