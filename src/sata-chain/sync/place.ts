import type { SyncFinding } from './findings.ts';
import type { Sender } from './message.ts';
import type { Neighbour } from './neighbour.ts';
import { LAST_POSITION } from './record.ts';

/** A neighbour that has heard us knows its place; it may have sent a few messages before that. */
const MISPLACED_TOO_OFTEN = 16;

/** Where a unit sits. Places are counted from the host: each unit learns its own from the one above. */
export class Place {
  #position: number | undefined;
  #misplaced: Extract<SyncFinding, { is: 'position' }> | undefined;

  /** The head's place is 0; any other unit's is not known before it was heard. */
  constructor(isHead: boolean) {
    this.#position = isHead ? 0 : undefined;
  }

  get position(): number | undefined {
    return this.#position;
  }

  /** The neighbour that says, again and again, that it sits where it cannot. */
  get misplaced(): Extract<SyncFinding, { is: 'position' }> | undefined {
    return this.#misplaced;
  }

  /** True where our own place is another one now. */
  hear(neighbour: Neighbour, { unit, position }: Sender): boolean {
    if (position === undefined) return false;
    if (neighbour.side === 'above') {
      if (position >= LAST_POSITION) {
        this.#blame(neighbour, {
          is: 'position',
          unit,
          claims: position,
          expected: (this.#position ?? 1) - 1,
        });
        return false;
      }
      const moved = this.#position !== position + 1;
      this.#position = position + 1;
      return moved;
    }
    if (this.#position === undefined || position === this.#position + 1) {
      neighbour.misplaced = 0;
      if (this.#misplaced?.unit === unit) this.#misplaced = undefined;
      return false;
    }
    this.#blame(neighbour, { is: 'position', unit, claims: position, expected: this.#position + 1 });
    return false;
  }

  forget(): void {
    this.#misplaced = undefined;
  }

  #blame(neighbour: Neighbour, finding: Extract<SyncFinding, { is: 'position' }>): void {
    neighbour.misplaced += 1;
    if (neighbour.misplaced >= MISPLACED_TOO_OFTEN) this.#misplaced = finding;
  }
}
