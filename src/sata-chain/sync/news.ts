import type { SyncFinding } from './findings.ts';
import type { SyncRecord } from './record.ts';
import { TABLE_CAPACITY, type TableRow } from './table.ts';

const MOST_KEPT = 64;
/** One change of direction is a neighbour's old news; a unit that goes on speaking from both sides is two. */
const FLIPS_OF_TWO = 3;

/**
 * What a unit learns from the order in which news come in: members that moved, drives that moved, ids that are heard
 * from both directions. Bounded: the latest of each kind are kept.
 */
export class NewsJudge {
  readonly #moved = new Map<string, { from: number; to: number }>();
  readonly #drives = new Map<string, { from: string; to: string; position: number | undefined }>();
  /** Where each unit was seen last. */
  readonly #places = new Map<string, number>();
  /** By serial: the unit that was last seen with the drive. */
  readonly #holders = new Map<string, string>();
  readonly #flips = new Map<string, { epoch: number; count: number }>();
  readonly #twice = new Set<string>();

  /** A later record of a unit was taken. */
  judge(row: TableRow, before: TableRow | undefined): void {
    const { record } = row;
    if (record.departed) return;
    const serial = record.drive?.serial ?? '';
    if (serial !== '' && serial !== before?.record.drive?.serial) this.#judgeDrive(record, serial);
    this.#judgePlace(record);
    if (before !== undefined) this.#judgeDirection(row, before);
  }

  /** A unit that comes back does not know its place at first: what counts is where it was last. */
  #judgePlace({ unit, position }: SyncRecord): void {
    if (position === undefined) return;
    const from = this.#moved.get(unit)?.from ?? this.#places.get(unit);
    if (this.#places.size < TABLE_CAPACITY || this.#places.has(unit)) this.#places.set(unit, position);
    this.#moved.delete(unit);
    if (from !== undefined && from !== position) keep(this.#moved, unit, { from, to: position });
  }

  #judgeDrive(now: SyncRecord, serial: string): void {
    const from = this.#drives.get(serial)?.from ?? this.#holders.get(serial);
    this.#drives.delete(serial);
    if (this.#holders.size < TABLE_CAPACITY || this.#holders.has(serial)) this.#holders.set(serial, now.unit);
    if (from !== undefined && from !== now.unit)
      keep(this.#drives, serial, { from, to: now.unit, position: now.position });
  }

  #judgeDirection(row: TableRow, before: TableRow): void {
    const { unit, epoch } = row.record;
    if (row.origin === before.origin || before.departed || row.origin === 'self' || before.origin === 'self')
      return;
    const seen = this.#flips.get(unit);
    const count = seen?.epoch === epoch ? seen.count + 1 : 1;
    this.#flips.delete(unit);
    keep(this.#flips, unit, { epoch, count });
    if (count >= FLIPS_OF_TWO) this.twice(unit);
  }

  /** This id was heard where it cannot be. */
  twice(unit: string): void {
    if (this.#twice.size < MOST_KEPT) this.#twice.add(unit);
  }

  isTwice(unit: string): boolean {
    return this.#twice.has(unit);
  }

  /** What was found is dealt with: members were accepted as they are. */
  forget(): void {
    for (const kept of [this.#moved, this.#drives, this.#flips, this.#twice]) kept.clear();
  }

  findings(): SyncFinding[] {
    return [
      ...[...this.#twice].map((unit) => ({ is: 'twice', unit }) as const),
      ...[...this.#moved].map(([unit, place]) => ({ is: 'moved', unit, ...place }) as const),
      ...[...this.#drives].map(([serial, way]) => ({ is: 'drive-moved', serial, ...way }) as const),
    ];
  }
}

function keep<K, V>(into: Map<K, V>, key: K, value: V): void {
  into.set(key, value);
  if (into.size <= MOST_KEPT) return;
  for (const oldest of into.keys()) {
    into.delete(oldest);
    return;
  }
}
