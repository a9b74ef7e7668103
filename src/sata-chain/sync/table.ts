import { compareStamps, type Stamp, type SyncRecord } from './record.ts';
import { encodeRecord, recordDigest } from './record-codec.ts';

/** Where a record came from. */
export type Origin = 'self' | 'above' | 'below';

export interface TableRow extends Stamp {
  readonly record: SyncRecord;
  readonly origin: Origin;
  /** Raised by each change of this table: the row with the highest changed last, as far as this unit knows. */
  readonly heard: number;
}

/** Units from `first` to `last`, both included, by id; and what is known of them. */
export interface RangeDigest {
  readonly first: string;
  readonly last: string;
  readonly count: number;
  /** The digests of the records, exclusive-ored: 16 hexadecimal digits. */
  readonly digest: string;
}

export const FIRST_UNIT = '0000000000000000';
export const LAST_UNIT = 'ffffffffffffffff';
/** Rows that a table has room for, departed units included. */
export const TABLE_CAPACITY = 16_384;

const REFUSED_KEPT = 16;

export type Merge =
  | { readonly is: 'news'; readonly row: TableRow; readonly before: TableRow | undefined }
  /** Known, or older than what is known. */
  | { readonly is: 'known'; readonly row: TableRow }
  | { readonly is: 'full' };

interface Index {
  readonly units: readonly string[];
  /** Digests of all units before the i-th, exclusive-ored, in two halves. */
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/**
 * All units of a chain as one of them knows them. Merging is commutative, associative and idempotent, so that tables
 * that have heard the same records are the same, in whatever order they came.
 */
export class StateTable {
  readonly #rows = new Map<string, TableRow>();
  readonly #capacity: number;
  readonly #refused = new Set<string>();
  #heard = 0;
  #index: Index | undefined;

  constructor(capacity = TABLE_CAPACITY) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#rows.size;
  }

  row(unit: string): TableRow | undefined {
    return this.#rows.get(unit);
  }

  rows(): IterableIterator<TableRow> {
    return this.#rows.values();
  }

  /** Some of those for whom there was no room. */
  get refused(): ReadonlySet<string> {
    return this.#refused;
  }

  forgetRefused(): void {
    this.#refused.clear();
  }

  merge(record: SyncRecord, origin: Origin): Merge {
    const before = this.#rows.get(record.unit);
    if (before === undefined && this.#rows.size >= this.#capacity) {
      if (this.#refused.size < REFUSED_KEPT) this.#refused.add(record.unit);
      return { is: 'full' };
    }
    const { epoch, version, departed } = record;
    const digest = recordDigest(encodeRecord(record));
    if (before !== undefined && compareStamps({ epoch, version, departed, digest }, before) <= 0)
      return { is: 'known', row: before };
    this.#heard += 1;
    const row: TableRow = { record, epoch, version, departed, digest, origin, heard: this.#heard };
    this.#rows.set(record.unit, row);
    this.#index = undefined;
    return { is: 'news', row, before };
  }

  /** What is known of the units of a range; of all by default. */
  range(first: string = FIRST_UNIT, last: string = LAST_UNIT): RangeDigest {
    const { from, to } = this.#span(first, last);
    const { high, low } = this.#indexed();
    const digest = hex32(high[to]! ^ high[from]!) + hex32(low[to]! ^ low[from]!);
    return { first, last, count: to - from, digest };
  }

  /** The rows of a range, by unit id. */
  within(first: string, last: string): TableRow[] {
    const { from, to } = this.#span(first, last);
    return this.#indexed()
      .units.slice(from, to)
      .map((unit) => this.#rows.get(unit)!);
  }

  /** The range cut into at most so many ranges of about as many rows each; together they cover it without a gap. */
  split(first: string, last: string, parts: number): RangeDigest[] {
    const { from, to } = this.#span(first, last);
    const { units } = this.#indexed();
    const pieces = Math.max(1, Math.min(parts, to - from));
    const starts = Array.from({ length: pieces }, (_, i) =>
      i === 0 ? first : units[from + Math.floor(((to - from) * i) / pieces)]!,
    );
    return starts.map((start, i) => {
      const next = starts[i + 1];
      return this.range(start, next === undefined ? last : unitBefore(next));
    });
  }

  #span(first: string, last: string): { from: number; to: number } {
    const { units } = this.#indexed();
    const from = lowerBound(units, first);
    return {
      from,
      to: Math.max(from, last === LAST_UNIT ? units.length : lowerBound(units, unitAfter(last))),
    };
  }

  #indexed(): Index {
    if (this.#index !== undefined) return this.#index;
    const units = [...this.#rows.keys()].sort();
    const high = new Uint32Array(units.length + 1);
    const low = new Uint32Array(units.length + 1);
    units.forEach((unit, i) => {
      const { digest } = this.#rows.get(unit)!;
      high[i + 1] = high[i]! ^ Number.parseInt(digest.slice(0, 8), 16);
      low[i + 1] = low[i]! ^ Number.parseInt(digest.slice(8), 16);
    });
    this.#index = { units, high, low };
    return this.#index;
  }
}

const hex32 = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
const hex64 = (id: bigint): string => id.toString(16).padStart(16, '0');
const unitBefore = (unit: string): string => hex64(BigInt(`0x${unit}`) - 1n);
const unitAfter = (unit: string): string => hex64(BigInt(`0x${unit}`) + 1n);

/** How many units have an id below this one. */
function lowerBound(units: readonly string[], unit: string): number {
  let low = 0;
  let high = units.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (units[middle]! < unit) low = middle + 1;
    else high = middle;
  }
  return low;
}
