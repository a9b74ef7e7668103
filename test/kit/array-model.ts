import { AtaFault } from '../../src/sata-chain/index.ts';
import { type ArrayBench, SECTOR } from './array-bench.ts';

/** The content of a sector that this write left: its number in every word. */
export function sectorOf(write: number): Uint8Array {
  return new Uint8Array(new Uint32Array(SECTOR / 4).fill(write).buffer);
}

/**
 * What a host may find on its disk: for each sector the writes that it may show. Only one where the last write was
 * made durable, or where one was shown since the last loss of power.
 */
export class ArrayModel {
  readonly #bench: ArrayBench;
  readonly #durable: Set<number>[];
  /** The last acknowledged write, or several where the last ones ended with a fault. */
  readonly #now: Set<number>[];
  /** Acknowledged or tried since the last flush. */
  readonly #cached: Set<number>[];
  #writes = 0;

  constructor(bench: ArrayBench, sectors: number) {
    this.#bench = bench;
    const zero = () => Array.from({ length: sectors }, () => new Set([0]));
    this.#durable = zero();
    this.#now = zero();
    this.#cached = zero();
  }

  /** Writes a new content; false where it ended with a fault. */
  async write(lba: number, count: number, fua: boolean): Promise<boolean> {
    this.#writes += 1;
    const id = this.#writes;
    const data = new Uint8Array(count * SECTOR);
    for (let at = 0; at < count; at += 1) data.set(sectorOf(id), at * SECTOR);
    // Known before it is sent: the power may go in its middle.
    for (let at = lba; at < lba + count; at += 1) this.#cached[at]!.add(id);
    const done = await this.#tried(this.#bench.array.target.write(lba, data, fua));
    for (let at = lba; at < lba + count; at += 1) {
      if (!done) {
        this.#now[at]!.add(id);
        continue;
      }
      this.#now[at] = new Set([id]);
      if (!fua) continue;
      this.#durable[at] = new Set([id]);
      this.#cached[at] = new Set();
    }
    return done;
  }

  /** Several at once, which may overlap: a sector may show any of those that were on it, the same from then on. */
  async writeTogether(ranges: readonly { readonly lba: number; readonly count: number }[]): Promise<boolean> {
    const first = this.#writes + 1;
    const done = await Promise.all(ranges.map(({ lba, count }) => this.write(lba, count, false)));
    for (const [i, { lba, count }] of ranges.entries()) {
      for (let at = lba; at < lba + count; at += 1) this.#now[at]!.add(first + i);
    }
    return done.every((one) => one);
  }

  async flush(): Promise<boolean> {
    if (!(await this.#tried(this.#bench.array.target.flush()))) return false;
    for (const [at, now] of this.#now.entries()) {
      this.#durable[at] = new Set(now);
      this.#cached[at] = new Set();
    }
    return true;
  }

  /** The power went: every write since the last flush may or may not have reached the medium. */
  cut(): void {
    for (const [at, cached] of this.#cached.entries()) {
      const may = new Set([...this.#durable[at]!, ...this.#now[at]!, ...cached]);
      this.#durable[at] = may;
      this.#now[at] = new Set(may);
      this.#cached[at] = new Set();
    }
  }

  /** Undefined where the read is right, else what is wrong with it. What it showed must stay. */
  async read(lba: number, count: number): Promise<string | undefined> {
    const into = new Uint8Array(count * SECTOR);
    let fault: unknown;
    // A bad sector may be repaired while the read that met it goes on.
    const bad = this.#bench.members.map(({ faults }) => new Set(faults.unreadable));
    try {
      await this.#bench.array.target.read(lba, into);
    } catch (error) {
      fault = error;
    }
    if (this.#bench.rail.cut) return undefined;
    if (fault !== undefined) return this.#excuse(fault, bad);
    const words = new Uint32Array(into.buffer);
    for (let at = 0; at < count; at += 1) {
      const id = words[(at * SECTOR) / 4]!;
      const may = this.#now[lba + at]!;
      if (!may.has(id)) {
        return `sector ${lba + at} shows write ${id}, may show ${[...may].join(' or ')}`;
      }
      for (let word = 1; word < SECTOR / 4; word += 1) {
        if (words[(at * SECTOR) / 4 + word] !== id) return `sector ${lba + at} is mixed`;
      }
      if (may.size > 1) {
        // Shown once, it stays; and where nothing was written since the power went, it is on the medium.
        this.#now[lba + at] = new Set([id]);
        if (this.#cached[lba + at]!.size === 0) this.#durable[lba + at] = new Set([id]);
      }
    }
    return undefined;
  }

  /** A fault is right only where no live copy has the sector. */
  #excuse(fault: unknown, bad: readonly ReadonlySet<number>[]): string | undefined {
    if (!(fault instanceof AtaFault)) return `not an ATA fault: ${String(fault)}`;
    const { lba } = fault;
    const status = this.#bench.array.status();
    if (status.unreadableSectors > 0 && fault.kind === 'MEDIUM') return undefined;
    const stretch = status.stretches.find(
      ({ logicalBase, length }) => lba !== undefined && lba >= logicalBase && lba < logicalBase + length,
    );
    const able = (stretch?.copies ?? []).filter((unit) => {
      const at = status.members.findIndex((member) => member.unit === unit);
      const { faults } = this.#bench.members[at]!;
      return !faults.dead && !faults.hung && !bad[at]!.has(lba! - stretch!.logicalBase);
    });
    if (stretch !== undefined && able.length === 0) return undefined;
    return `fault ${fault.message} at ${lba} while ${able.join(', ')} could have given it`;
  }

  async #tried(doing: Promise<void>): Promise<boolean> {
    try {
      await doing;
      return true;
    } catch {
      return false;
    }
  }
}
