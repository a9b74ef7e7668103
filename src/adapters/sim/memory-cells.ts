/** A bit of the simulated memory: byte offset in the module, and bit 0 to 7. */
export interface CellAt {
  readonly at: number;
  readonly bit: number;
}

/** The classic fault models of memory testing (van de Goor). Offsets are bytes within the module. */
export type MemoryFault =
  /** The cell holds this value for ever. */
  | ({ readonly kind: 'stuck-at'; readonly value: 0 | 1 } & CellAt)
  /** The cell cannot make this transition. */
  | ({ readonly kind: 'transition'; readonly cannot: 'rise' | 'fall' } & CellAt)
  /** When the aggressor makes this transition, the victim flips, or takes a value. */
  | {
      readonly kind: 'coupling';
      readonly aggressor: CellAt;
      readonly on: 'rise' | 'fall';
      readonly victim: CellAt;
      readonly effect: 'flip' | 'set' | 'clear';
    }
  /** The word's address reaches no cell, another word's cells, or both its own and another's. */
  | {
      readonly kind: 'address';
      readonly at: number;
      readonly reaches: 'nothing' | 'other' | 'both';
      readonly other?: number;
    };

const WORD = 8;
const wordOf = (offset: number) => offset - (offset % WORD);

/** The cells of one module, with its faults. */
export class MemoryCells {
  readonly size: number;
  readonly #bytes: Uint8Array;
  readonly #faults: MemoryFault[] = [];
  /** Words whose behaviour is not that of plain memory, ascending. */
  #special: number[] = [];

  constructor(size: number, faults: readonly MemoryFault[]) {
    this.size = size;
    this.#bytes = new Uint8Array(size);
    for (const fault of faults) this.add(fault);
  }

  add(fault: MemoryFault): void {
    this.#faults.push(fault);
    const special = new Set(this.#special);
    for (const offset of touched(fault)) special.add(wordOf(offset));
    this.#special = [...special].sort((a, b) => a - b);
    for (const { at } of this.#faults.flatMap((f) => (f.kind === 'stuck-at' ? [f] : []))) {
      this.#store(wordOf(at), this.#bytes.slice(wordOf(at), wordOf(at) + WORD));
    }
  }

  /** Special words in [start, end), ascending. */
  specialIn(start: number, end: number): readonly number[] {
    return this.#special.filter((word) => word >= start && word < end);
  }

  /** The bytes themselves: right for words that are not special. */
  plain(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  readWord(offset: number): Uint8Array {
    const words = this.#reached(offset);
    const result = new Uint8Array(WORD).fill(words.length === 0 ? 0 : 0xff);
    for (const word of words) for (let i = 0; i < WORD; i += 1) result[i]! &= this.#bytes[word + i]!;
    return result;
  }

  writeWord(offset: number, data: Uint8Array): void {
    for (const word of this.#reached(offset)) this.#store(word, data);
  }

  #reached(offset: number): number[] {
    for (const fault of this.#faults) {
      if (fault.kind !== 'address' || wordOf(fault.at) !== offset) continue;
      const other = wordOf(fault.other ?? 0);
      return fault.reaches === 'nothing' ? [] : fault.reaches === 'other' ? [other] : [offset, other];
    }
    return [offset];
  }

  #store(word: number, data: Uint8Array): void {
    const before = this.#bytes.slice(word, word + WORD);
    this.#bytes.set(data, word);
    for (const fault of this.#faults) {
      if (fault.kind === 'transition' && wordOf(fault.at) === word) {
        const was = (before[fault.at - word]! >> fault.bit) & 1;
        if (was === (fault.cannot === 'rise' ? 0 : 1)) this.#put(fault, was);
      }
      if (fault.kind === 'stuck-at' && wordOf(fault.at) === word) this.#put(fault, fault.value);
    }
    for (const fault of this.#faults) {
      if (fault.kind !== 'coupling' || wordOf(fault.aggressor.at) !== word) continue;
      const { aggressor, victim } = fault;
      const was = (before[aggressor.at - word]! >> aggressor.bit) & 1;
      const now = this.#bit(aggressor);
      if (was === now || now !== (fault.on === 'rise' ? 1 : 0)) continue;
      this.#put(victim, fault.effect === 'flip' ? 1 - this.#bit(victim) : fault.effect === 'set' ? 1 : 0);
    }
  }

  #bit({ at, bit }: CellAt): number {
    return (this.#bytes[at]! >> bit) & 1;
  }

  #put({ at, bit }: CellAt, value: number): void {
    const mask = 1 << bit;
    this.#bytes[at] = value === 1 ? this.#bytes[at]! | mask : this.#bytes[at]! & ~mask;
  }
}

function touched(fault: MemoryFault): number[] {
  switch (fault.kind) {
    case 'stuck-at':
    case 'transition':
      return [fault.at];
    case 'coupling':
      return [fault.aggressor.at, fault.victim.at];
    case 'address':
      return fault.reaches === 'nothing' ? [fault.at] : [fault.at, fault.other ?? 0];
  }
}
