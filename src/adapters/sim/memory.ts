import { allow, equalBytes, NsError, refuse, type Verdict } from '../../base/index.ts';
import type {
  DimmSlot,
  MarchFindings,
  MarchMismatch,
  MarchOperation,
  MemoryProbe,
  MemoryRange,
  PowerState,
} from '../../ports/index.ts';
import { MemoryCells, type MemoryFault } from './memory-cells.ts';
import { makeSpd } from './spd.ts';

export interface SimDimm {
  readonly slot: string;
  /** Bytes of simulated memory, a multiple of 4096; 0 for an empty slot. */
  readonly size: number;
  readonly faults: readonly MemoryFault[];
  readonly spd: 'good' | 'damaged' | 'unreadable';
}

export interface SimMemoryOptions {
  readonly dimms: readonly SimDimm[];
  /** States in which a standby rail feeds the memory and its controller. */
  readonly dramIn: readonly PowerState[];
  /** States in which the SPD bus is powered and not the host's. */
  readonly spdIn: readonly PowerState[];
}

interface Module {
  readonly dimm: SimDimm;
  readonly start: number;
  readonly cells: MemoryCells;
}

const LISTED = 8192;
const STEP = 64 * 1024;

/** The memory of a simulated host, reached through a simulated standby rail. Modules follow each other from address 0. */
export class SimMemory implements MemoryProbe {
  readonly #options: SimMemoryOptions;
  readonly #modules: readonly Module[];
  #sinceTurn = 0;

  constructor(options: SimMemoryOptions) {
    this.#options = options;
    let start = 0;
    this.#modules = options.dimms.map((dimm) => {
      const module = { dimm, start, cells: new MemoryCells(dimm.size, dimm.faults) };
      start += dimm.size;
      return module;
    });
  }

  /** Breaks something in a module that works. NS_CONFIG_INVALID where there is no such slot. */
  addFault(slot: string, fault: MemoryFault): void {
    const module = this.#modules.find(({ dimm }) => dimm.slot === slot);
    if (!module) throw new NsError('NS_CONFIG_INVALID', `there is no slot ${slot}`, { family: 'caller' });
    module.cells.add(fault);
  }

  reach(state: PowerState): { readonly dram: Verdict<readonly MemoryRange[]>; readonly spd: Verdict<void> } {
    const { dramIn, spdIn } = this.#options;
    const ranges = this.#modules.filter(({ dimm }) => dimm.size > 0).map(rangeOf);
    return {
      dram: dramIn.includes(state)
        ? allow(ranges)
        : refuse('MEMORY_UNREACHABLE', `The memory has no standby rail in ${state}.`),
      spd: spdIn.includes(state)
        ? allow(undefined)
        : refuse('MEMORY_UNREACHABLE', `The SPD bus cannot be reached in ${state}.`),
    };
  }

  async slots(): Promise<readonly DimmSlot[]> {
    return this.#modules.map((module) => ({
      slot: module.dimm.slot,
      populated: module.dimm.size > 0,
      ...(module.dimm.size > 0 ? { range: rangeOf(module) } : {}),
    }));
  }

  async readSpd(slot: string): Promise<Uint8Array> {
    const module = this.#modules.find(({ dimm }) => dimm.slot === slot);
    if (!module || module.dimm.size === 0 || module.dimm.spd === 'unreadable') {
      throw new NsError('NS_SPD_IO', `the SPD EEPROM of ${slot} does not answer`);
    }
    const spd = makeSpd({ slot, size: module.dimm.size });
    if (module.dimm.spd === 'damaged') spd[4]! ^= 0x01;
    return spd;
  }

  async read(address: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#breathe(into.byteLength, signal);
    this.#each(address, into.byteLength, ({ cells }, offset, at, length) => {
      into.set(cells.plain(offset, offset + length), at);
      for (const word of cells.specialIn(offset, offset + length))
        into.set(cells.readWord(word), at + word - offset);
    });
  }

  async write(address: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#breathe(data.byteLength, signal);
    this.#each(address, data.byteLength, ({ cells }, offset, at, length) => {
      let from = offset;
      for (const word of [...cells.specialIn(offset, offset + length), offset + length]) {
        cells.plain(from, word).set(data.subarray(at + from - offset, at + word - offset));
        if (word < offset + length)
          cells.writeWord(word, data.subarray(at + word - offset, at + word - offset + 8));
        from = word + 8;
      }
    });
  }

  async sweep(
    range: MemoryRange,
    order: 'up' | 'down',
    operations: readonly MarchOperation[],
    signal?: AbortSignal,
  ): Promise<MarchFindings> {
    const mismatches: MarchMismatch[] = [];
    let count = 0;
    const note = (mismatch: MarchMismatch) => {
      count += 1;
      if (mismatches.length < LISTED) mismatches.push(mismatch);
    };
    const parts: [Module, number, number][] = [];
    this.#each(range.start, range.length, (module, offset, _at, length) => {
      for (let from = offset; from < offset + length; from += STEP) {
        parts.push([module, from, Math.min(offset + length, from + STEP)]);
      }
    });
    if (order === 'down') parts.reverse();
    for (const [module, from, to] of parts) {
      await this.#breathe(to - from, signal);
      sweepPart(module, from, to, order, operations, note);
    }
    return { mismatches, count };
  }

  /** Memory answers at once, but the rest of the program must get its turns during a long test. */
  async #breathe(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    this.#sinceTurn += bytes;
    if (this.#sinceTurn >= STEP) {
      this.#sinceTurn = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    signal?.throwIfAborted();
  }

  #each(
    address: number,
    length: number,
    act: (module: Module, offset: number, at: number, length: number) => void,
  ): void {
    if (address % 8 !== 0 || length % 8 !== 0 || address < 0) {
      throw new NsError('NS_MEMORY_RANGE', 'memory is reached by words of 8 bytes', { family: 'caller' });
    }
    let at = 0;
    for (const module of this.#modules) {
      const from = Math.max(address + at, module.start);
      const to = Math.min(address + length, module.start + module.cells.size);
      if (from >= to || from !== address + at) continue;
      act(module, from - module.start, at, to - from);
      at += to - from;
    }
    if (at !== length) {
      throw new NsError('NS_MEMORY_RANGE', `there is no memory at ${address + at}`, { family: 'caller' });
    }
  }
}

const rangeOf = ({ start, dimm }: Module): MemoryRange => ({ start, length: dimm.size });

/** Words without faults do not see each other, so runs of them are done at once; the others one by one, in order. */
function sweepPart(
  { cells, start }: Module,
  from: number,
  to: number,
  order: 'up' | 'down',
  operations: readonly MarchOperation[],
  note: (mismatch: MarchMismatch) => void,
): void {
  const special = cells.specialIn(from, to);
  for (const word of order === 'up' ? special : [...special].reverse()) {
    for (const operation of operations) {
      if (operation.do === 'write') cells.writeWord(word, operation.word);
      else {
        const actual = cells.readWord(word);
        if (!equalBytes(actual, operation.word))
          note({ address: start + word, expected: operation.word, actual });
      }
    }
  }
  let at = from;
  for (const end of [...special, to]) {
    sweepRun(cells.plain(at, end), start + at, operations, note);
    at = end + 8;
  }
}

function sweepRun(
  run: Uint8Array,
  address: number,
  operations: readonly MarchOperation[],
  note: (mismatch: MarchMismatch) => void,
): void {
  if (run.byteLength === 0) return;
  for (const { do: what, word } of operations) {
    const pattern = Buffer.alloc(run.byteLength, word);
    if (what === 'write') run.set(pattern);
    else if (!equalBytes(run, pattern)) {
      for (let i = 0; i < run.byteLength; i += 8) {
        const actual = run.slice(i, i + 8);
        if (!equalBytes(actual, word)) note({ address: address + i, expected: word, actual });
      }
    }
  }
}
