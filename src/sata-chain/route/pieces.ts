import type { Lba, SectorRange } from '../target.ts';
import { movedBy } from './relay.ts';
import type { Borders } from './window.ts';

/** A part of a command that one member serves. */
export interface Piece {
  readonly to: 'local' | 'below';
  /** In the member's numbering. */
  readonly lba: Lba;
  /** Sectors from the command's first to this part's. */
  readonly at: number;
  readonly count: number;
}

/** The parts of a command at a window's borders, in the order of their LBAs: at most three, none empty. */
export function piecesOf(borders: Borders, { lba, count }: SectorRange): Piece[] {
  const { low, high, shift } = borders;
  const end = lba + count;
  const pieces: Piece[] = [];
  const add = (to: Piece['to'], from: Lba, until: Lba, less: number): void => {
    if (from < until) pieces.push({ to, lba: from - less, at: from - lba, count: until - from });
  };
  add('below', lba, Math.min(end, low), shift);
  add('local', Math.max(lba, low), Math.min(end, high), low);
  add('below', Math.max(lba, high), end, shift);
  return pieces;
}

/**
 * Runs the parts side by side and ends when all have ended, so that no buffer is in use after it. Of several faults the
 * one of the first part counts, its LBA counted from the command's first sector.
 */
export async function runPieces(
  pieces: readonly Piece[],
  run: (piece: Piece) => Promise<void>,
): Promise<void> {
  const ends = await Promise.allSettled(pieces.map(async (piece) => run(piece)));
  for (const [i, end] of ends.entries()) {
    if (end.status === 'rejected') throw movedBy(end.reason, pieces[i]!.at);
  }
}
