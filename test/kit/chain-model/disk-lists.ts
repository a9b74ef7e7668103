import type { Found } from '../../../src/sata-chain/pttrsm/found.ts';
import { foundAt } from '../../../src/sata-chain/pttrsm/side.ts';
import { kindOf } from './drives.ts';
import { Interner } from './interner.ts';
import type { UnitSteps } from './unit-steps.ts';

/** Which drives a disk is made of, in the order of their blocks. */
export class DiskLists {
  readonly #lists = new Interner<readonly number[] | null>((list) => JSON.stringify(list));
  /** By membership digest. */
  readonly #members = new Map<string, readonly number[]>();

  constructor() {
    this.#lists.idOf(null);
  }

  /** Null for number 0: no disk. */
  at(id: number): readonly number[] | null {
    return this.#lists.at(id);
  }

  idOf(list: readonly number[]): number {
    return this.#lists.idOf(list);
  }

  of(found: Found): readonly number[] {
    return this.#members.get(found.membership) ?? [];
  }

  /** A digest tells nothing by itself; who computed it first knew the parts. */
  learn(steps: UnitSteps, t: number): void {
    const found = steps.standsFor(t);
    if (!found || this.#members.has(found.membership)) return;
    const { local, below } = steps.at(t);
    const own = foundAt(local);
    const rest = foundAt(below);
    this.#members.set(found.membership, [...(own ? [kindOf(own)] : []), ...(rest ? this.of(rest) : [])]);
  }
}
