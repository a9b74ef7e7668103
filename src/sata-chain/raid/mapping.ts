import type { Lba, SectorRange } from '../target.ts';
import type { MappingRegister, MirrorSet } from './array-table.ts';

/** A part of a command that lies in one stretch of the array. */
export interface Piece {
  readonly set: MirrorSet;
  /** In the array's LBAs. */
  readonly lba: Lba;
  readonly count: number;
}

/** The command's parts, in order and without gaps. The range lies within the array. */
export function piecesOf(sets: readonly MirrorSet[], lba: Lba, count: number): readonly Piece[] {
  const pieces: Piece[] = [];
  const end = lba + count;
  for (let at = firstSet(sets, lba), next = lba; next < end; at += 1) {
    const set = sets[at]!;
    const until = Math.min(end, set.logicalBase + set.length);
    pieces.push({ set, lba: next, count: until - next });
    next = until;
  }
  return pieces;
}

/** Index of the stretch that this LBA lies in; sets are sorted and without gaps. */
function firstSet(sets: readonly MirrorSet[], lba: Lba): number {
  let low = 0;
  let high = sets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (sets[middle]!.logicalBase <= lba) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How far to go from an LBA of the array to the same sector of this unit in the raw chain. */
export function rawOffset(logicalBase: Lba, unit: MappingRegister): number {
  return unit.window.lba - logicalBase;
}

export const overlaps = (a: SectorRange, b: SectorRange): boolean =>
  a.lba < b.lba + b.count && b.lba < a.lba + a.count;
