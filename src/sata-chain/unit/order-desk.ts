import { allow, type NsError, refuse, type Verdict } from '../../base/index.ts';
import { FAULT_SENTENCE } from '../pttrsm/judge.ts';
import type { UnitOrder } from './orders.ts';
import type { Unit } from './unit.ts';

type What = UnitOrder | 'enrol' | 'places';

interface Waiting {
  readonly what: What;
  /** Taken by the machine, and not yet wholly in effect. */
  taken: boolean;
  readonly resolve: (verdict: Verdict<void>) => void;
  readonly reject: (reason: unknown) => void;
}

/** When an order has become true, beyond being written down. */
const IN_EFFECT: Readonly<Record<What, (unit: Unit) => boolean>> = {
  own: ({ t }) => t.state === 'T8',
  'hand-back': ({ t }) => t.state !== 'T8' && t.state !== 'T9',
  disable: ({ t }) => t.state === 'T7' && t.record.locked,
  enable: ({ t }) => t.state !== 'T7' && !t.record.locked,
  'go-degraded': () => true,
  resync: () => true,
  enrol: () => true,
  places: () => true,
};

/** Given again once it is so, these are obeyed already. */
const REPEATABLE: ReadonlySet<What> = new Set(['own', 'disable', 'enable']);

/** Orders that were given and are not answered yet. */
export class OrderDesk {
  readonly #waiting = new Set<Waiting>();

  /** The answer to an order that is about to be given to the machine. */
  take(what: What, signal?: AbortSignal): Promise<Verdict<void>> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const end = <A>(settle: (value: A) => void) => {
        return (value: A) => {
          this.#waiting.delete(waiting);
          signal?.removeEventListener('abort', onAbort);
          settle(value);
        };
      };
      const onAbort = () => waiting.reject(signal?.reason);
      const waiting: Waiting = { what, taken: false, resolve: end(resolve), reject: end(reject) };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** The machine took the oldest such order, or refused it. */
  answer(what: What, refused: boolean, unit: Unit): void {
    const waiting = [...this.#waiting].find((each) => each.what === what && !each.taken);
    if (!waiting) return;
    if (!refused) waiting.taken = true;
    else if (REPEATABLE.has(what) && IN_EFFECT[what](unit)) waiting.resolve(allow(undefined));
    else waiting.resolve(whyNot(what, unit));
  }

  /** Answers what is in effect now and written down. */
  look(unit: Unit): void {
    for (const waiting of this.#waiting) {
      if (!unit.power)
        waiting.resolve(refuse('CHAIN_BUSY', 'The unit lost its power before the order was in effect.'));
      else if (waiting.taken && waiting.what === 'enable' && unit.t.record.locked)
        waiting.resolve(refuse('CHAIN_BUSY', 'A disable came before the enable was in effect.'));
      else if (waiting.taken && !unit.t.unsaved && IN_EFFECT[waiting.what](unit))
        waiting.resolve(allow(undefined));
    }
  }

  /** The memory failed: nobody is told that an order is safe. */
  fail(error: NsError): void {
    for (const waiting of this.#waiting) if (waiting.taken) waiting.reject(error);
  }
}

function whyNot(what: What, { power, t }: Unit): Verdict<void> {
  if (!power) return refuse('CHAIN_BUSY', 'The unit has no power.');
  if (what === 'enrol')
    return refuse('CHAIN_BUSY', `The unit belongs to chain ${t.record.chain ?? ''} already.`);
  if (what === 'go-degraded') {
    if (t.state === 'T6' && t.fault)
      return refuse(
        'CHAIN_DIFFERS',
        `It cannot be accepted: ${FAULT_SENTENCE[t.fault]}.`,
        'Take it out again.',
      );
    if (t.state === 'T2H') {
      return refuse(
        'CHAIN_BUSY',
        'The unit below is there and holds its own disk back: what is missing is further down.',
        'Give the order at the unit that misses its member.',
      );
    }
    if (t.state === 'T1' || t.state === 'T5') {
      return refuse(
        'CHAIN_BUSY',
        'Members are still being looked for.',
        'Give the order again in half a minute.',
      );
    }
    return refuse('CHAIN_WHOLE');
  }
  return refuse('CHAIN_BUSY', `The order ${what} is not possible in ${t.state}.`);
}
