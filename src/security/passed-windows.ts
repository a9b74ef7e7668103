import { allow, concatBytes, fromHex, refuse, toHex, type Verdict } from '../base/index.ts';
import { advanced, bitmapOf, countersIn, judgeCounter, type Window } from './counter-window.ts';

/** As many keys as a keyring document holds. */
const MAX_GIVERS = 256;
/** Keys to which one key's right was passed on. */
const MAX_EACH = 16;
const KEY_ID_BYTES = 8;

export const MAX_PASSED = MAX_GIVERS * MAX_EACH;

/** [giver, up to when orders of forgotten windows were good]. */
export type PassedGiver = [Uint8Array, number];
/** [giver, holder, highest counter, bitmap, latest end of its orders, since]. */
export type PassedRow = [Uint8Array, Uint8Array, number, Uint8Array, number, number];

interface PassedWindow {
  readonly window: Window;
  /** The latest end of an order in it, seconds since 1970. */
  readonly exp: number;
  /** Orders that ended no later may have been given before the window was made: they are refused. */
  readonly since: number;
}

interface Giver {
  /** No order of a window that was forgotten was good for longer. */
  low: number;
  /** By the key that holds the right; the one used last stands last. */
  readonly windows: Map<string, PassedWindow>;
}

/** Under which the counter of an order by a right that was passed on is kept: giver, holder, end of the order. */
export function passedWindow(giver: Uint8Array, holder: Uint8Array, exp: number): Uint8Array {
  const end = new Uint8Array(8);
  new DataView(end.buffer).setBigUint64(0, BigInt(exp));
  return concatBytes(giver, holder, end);
}

export function isPassedWindow(key: Uint8Array): boolean {
  return key.byteLength === 2 * KEY_ID_BYTES + 8;
}

function partsOf(key: Uint8Array): { readonly giver: string; readonly holder: string; readonly exp: number } {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    giver: toHex(key.subarray(0, KEY_ID_BYTES)),
    holder: toHex(key.subarray(KEY_ID_BYTES, 2 * KEY_ID_BYTES)),
    exp: Number(view.getBigUint64(2 * KEY_ID_BYTES)),
  };
}

/**
 * Counters of keys to which rights were passed on. A key of the keyring can make any number of such keys, so only those
 * used last keep their window, a few for each giver: nobody takes the room of another giver. What is forgotten cannot be
 * given again all the same: every such order has an end, and of this giver orders that end no later than the last one of
 * a forgotten window are refused, unless their window has stood since before. No clock is asked.
 */
export class PassedWindows {
  readonly #givers = new Map<string, Giver>();

  judge(key: Uint8Array, value: number): Verdict<void> {
    const { giver, holder, exp } = partsOf(key);
    const of = this.#givers.get(giver);
    if (of === undefined) {
      if (this.#givers.size < MAX_GIVERS) return allow(undefined);
      return refuse(
        'JOURNAL_FULL',
        'The device keeps counters of rights passed on by as many keys as it can.',
      );
    }
    const known = of.windows.get(holder);
    if (exp <= (known?.since ?? of.low)) {
      return refuse(
        'REPLAYED',
        'The device has forgotten which orders of that time it has had of this key; give it again, with a later end.',
      );
    }
    return known === undefined ? allow(undefined) : judgeCounter(known.window, value);
  }

  /** The highest counter of this giver and holder; 0 where none is known. */
  highest(key: Uint8Array): number {
    const { giver, holder } = partsOf(key);
    return this.#givers.get(giver)?.windows.get(holder)?.window.top ?? 0;
  }

  remember(key: Uint8Array, value: number): void {
    const { giver, holder, exp } = partsOf(key);
    const of = this.#giver(giver);
    const known = of.windows.get(holder);
    this.#keep(of, holder, {
      window: advanced(known?.window, value),
      exp: Math.max(known?.exp ?? 0, exp),
      since: known?.since ?? of.low,
    });
  }

  #giver(id: string): Giver {
    const known = this.#givers.get(id);
    if (known !== undefined) return known;
    const made: Giver = { low: 0, windows: new Map() };
    this.#givers.set(id, made);
    return made;
  }

  #keep(giver: Giver, holder: string, window: PassedWindow): void {
    giver.windows.delete(holder);
    giver.windows.set(holder, window);
    for (const [oldest, { exp }] of giver.windows) {
      if (giver.windows.size <= MAX_EACH) return;
      giver.low = Math.max(giver.low, exp);
      giver.windows.delete(oldest);
    }
  }

  snapshot(): { readonly givers: PassedGiver[]; readonly rows: PassedRow[] } {
    const givers = Array.from(this.#givers, ([id, { low }]): PassedGiver => [fromHex(id), low]);
    const rows = Array.from(this.#givers).flatMap(([id, { windows }]) =>
      Array.from(windows, ([holder, { window, exp, since }]): PassedRow => {
        return [fromHex(id), fromHex(holder), window.top, bitmapOf(window), exp, since];
      }),
    );
    return { givers, rows };
  }

  /**
   * Merges a snapshot in: all that is used there or here is used from then on. Where the snapshot has forgotten a window
   * its others fill the room, so that one which stands only here is forgotten too.
   */
  restore(givers: readonly PassedGiver[], rows: readonly PassedRow[]): void {
    const byGiver = new Map(givers.map(([id]) => [toHex(id), new Map<string, PassedRow>()]));
    for (const row of rows) byGiver.get(toHex(row[0]))?.set(toHex(row[1]), row);
    for (const [id, low] of givers) {
      const of = this.#giver(toHex(id));
      const before = of.low;
      const theirs = byGiver.get(toHex(id)) ?? new Map<string, PassedRow>();
      of.low = Math.max(before, low);
      for (const [holder, [, , top, bitmap, exp, since]] of theirs) {
        const known = of.windows.get(holder);
        let window = known?.window ?? { top, bits: 0n };
        for (const used of countersIn(top, bitmap)) window = advanced(window, used);
        this.#keep(of, holder, {
          window,
          exp: Math.max(known?.exp ?? 0, exp),
          since: Math.max(known?.since ?? before, since),
        });
      }
    }
  }
}
