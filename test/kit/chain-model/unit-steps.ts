import { type Found, standsFor } from '../../../src/sata-chain/pttrsm/found.ts';
import { hostIsServed } from '../../../src/sata-chain/pttrsm/guards.ts';
import type { Pttrsm, TOutput } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import { foundAt } from '../../../src/sata-chain/pttrsm/side.ts';
import { newPttrsm, stepPttrsm } from '../../../src/sata-chain/pttrsm/step.ts';
import type { UnitRecord } from '../../../src/sata-chain/unit/orders.ts';
import type { Numbered } from './inputs.ts';
import { Interner } from './interner.ts';

/** What a control line does to a port; all else that PTTRSM puts out lies in its state as well. */
export type UnitDeed = Extract<TOutput, { is: 'line' } | { is: 'signature' } | { is: 'identify' }>;

export interface UnitStep {
  readonly t: number;
  readonly deeds: readonly UnitDeed[];
  readonly refused: boolean;
}

/** All states of PTTRSM that were met, by number, and what each input does to them: the real tables, each step taken once. */
export class UnitSteps {
  readonly #states = new Interner<Pttrsm>((t) => JSON.stringify(t));
  readonly #records = new Interner<UnitRecord>((record) => JSON.stringify(record));
  readonly #steps = new Map<number, UnitStep>();
  readonly #forgotten: number[] = [];
  /** Sparse. */
  readonly #stands: (Found | undefined)[] = [];

  at(t: number): Pttrsm {
    return this.#states.at(t);
  }

  record(id: number): UnitRecord {
    return this.#records.at(id);
  }

  recordId(record: UnitRecord): number {
    return this.#records.idOf(record);
  }

  idOf(t: Pttrsm): number {
    return this.#states.idOf(t);
  }

  /** Without power, and with what its memory holds. */
  dark(record: number): number {
    return this.idOf(newPttrsm(this.record(record)));
  }

  step(t: number, { id, input }: Numbered): UnitStep {
    const key = t + id * 0x1_0000;
    const known = this.#steps.get(key);
    if (known) return known;
    const { t: after, outputs, refused } = stepPttrsm(this.at(t), input, false);
    const deeds = outputs.filter(isDeed);
    const made = { t: this.idOf(small(after)), deeds, refused };
    this.#steps.set(key, made);
    return made;
  }

  /** Without what is told anew before each input that it matters to: equal states stay equal. */
  forget(t: number): number {
    this.#forgotten[t] ??= this.idOf({ ...this.at(t), seen: NOBODY });
    return this.#forgotten[t];
  }

  /** What the unit's IDENTIFY says, to whoever is above; undefined while it does not answer. */
  answer(t: number): Found | undefined {
    return hostIsServed(this.at(t)) ? this.standsFor(t) : undefined;
  }

  standsFor(t: number): Found | undefined {
    if (t in this.#stands) return this.#stands[t];
    const { local, below, record } = this.at(t);
    this.#stands[t] = standsFor(foundAt(local), foundAt(below), {
      chain: record.chain,
      degraded: record.degraded ?? false,
    });
    return this.#stands[t];
  }
}

const isDeed = (output: TOutput): output is UnitDeed =>
  output.is === 'line' || output.is === 'signature' || output.is === 'identify';

const NOBODY = { local: false, below: false } as const;

/**
 * Without what decides nothing but how long a wait is: epochs, which count for ever, and how many COMINITs went up in the
 * last seconds.
 */
const small = (t: Pttrsm): Pttrsm => ({
  ...t,
  record: t.record.epoch === 0 ? t.record : { ...t.record, epoch: 0 },
  calls: 0,
  timers: t.timers.calm ? { ...t.timers, calm: false } : t.timers,
});
