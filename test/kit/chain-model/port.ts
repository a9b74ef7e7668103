import type { Level } from '../../../src/sata-chain/phy/level.ts';
import type { Phy, PhyEvent, PhyNotice, PhyTimer } from '../../../src/sata-chain/phy/phy.ts';
import { phyMachine } from '../../../src/sata-chain/phy/step.ts';
import { isUp, type PhyTable } from '../../../src/sata-chain/phy/table.ts';
import { type PhyTimings, SATA_TIMINGS } from '../../../src/sata-chain/phy/timings.ts';
import { Interner } from './interner.ts';

/** Tries until a port parks: fewer than a real one makes, for more differ in nothing that a rule looks at. */
const TIMINGS: PhyTimings = { ...SATA_TIMINGS, parkAfter: 2 };

/**
 * How long a timer is, as a rank: 0 a burst, as short as a level's way; 1 one rate of ALIGN; 2 all rates; 3 a retry; 4
 * between tries of a parked port. Each rank is more than ten times the one below (2.56, 54.6, 873.8, 10,000, 250,000 us).
 */
export const RANK: Readonly<Record<PhyTimer, 0 | 1 | 2 | 3 | 4>> = {
  burst: 0,
  acknowledge: 0,
  rate: 1,
  align: 2,
  retry: 3,
  parked: 4,
};

/** One machine of the product, by number. */
export interface PortStep {
  readonly id: number;
  readonly transmit: Level | undefined;
  /** A timer was started: it cannot be over soon. */
  readonly started: boolean;
  readonly notices: readonly PhyNotice[];
}

/** All states of one phy machine that were met, and what each event does to them, worked out once. */
export class Port<S extends string> {
  readonly table: PhyTable<S>;
  readonly #step: ReturnType<typeof phyMachine<S>>;
  readonly #phys = new Interner<Phy<S>>((phy) =>
    [
      phy.state,
      phy.line,
      phy.heard,
      phy.sent,
      phy.rate,
      phy.fastest,
      phy.denies,
      phy.asked,
      phy.asleep,
      phy.retries,
      phy.seen,
      phy.timer,
    ].join(),
  );
  readonly #steps = new Map<number, Map<string, PortStep>>();
  readonly #up: boolean[] = [];

  constructor(table: PhyTable<S>) {
    this.table = table;
    this.#step = phyMachine(table);
  }

  idOf(phy: Phy<S>): number {
    const id = this.#phys.idOf(phy);
    this.#up[id] ??= isUp(this.table, phy);
    return id;
  }

  at(id: number): Phy<S> {
    return this.#phys.at(id);
  }

  isUp(id: number): boolean {
    return this.#up[id]!;
  }

  step(id: number, event: PhyEvent): PortStep {
    const name = event.is === 'level' ? event.level : event.is === 'line' ? event.line : 'timer';
    const row = this.#steps.get(id) ?? new Map<string, PortStep>();
    if (row.size === 0) this.#steps.set(id, row);
    const known = row.get(name);
    if (known) return known;
    const { phy, transmit, timer, notices } = this.#step(this.at(id), event, TIMINGS);
    const made: PortStep = {
      id: this.idOf(phy),
      transmit,
      started: typeof timer === 'object',
      notices,
    };
    row.set(name, made);
    return made;
  }
}
