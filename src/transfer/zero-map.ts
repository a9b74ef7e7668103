import type { BlockExtent } from '../ports/index.ts';

/** Runs at an offset, at least one, together at most `length` bytes. */
export type ExtentsAt = (
  offset: number,
  length: number,
  signal: AbortSignal,
) => Promise<readonly BlockExtent[]>;

/** So far is asked ahead. */
const AHEAD = 1024 * 1024 * 1024;

/** How many bytes from `offset` on, `length` at most, are known to be zero without being read. */
export type KnownZeros = (offset: number, length: number, signal: AbortSignal) => Promise<number>;

/** What is known to be zero by runs; keeps the last answer, since whoever asks goes forward. */
export function knownZeros(extents: ExtentsAt, size: number): KnownZeros {
  /** Runs from `from` on, with the ends of each. */
  let from = 0;
  let runs: { readonly end: number; readonly zero: boolean }[] = [];
  const runAt = async (offset: number, signal: AbortSignal) => {
    if (offset < from || offset >= (runs.at(-1)?.end ?? 0)) {
      let end = offset;
      from = offset;
      runs = (await extents(offset, Math.min(AHEAD, size - offset), signal)).map((run) => {
        end += run.length;
        return { end, zero: run.zero || !run.allocated };
      });
    }
    return runs.find(({ end }) => end > offset);
  };
  return async (offset, length, signal) => {
    const limit = Math.min(size, offset + length);
    let at = offset;
    while (at < limit) {
      const run = await runAt(at, signal);
      if (run?.zero !== true) break;
      at = Math.min(run.end, limit);
    }
    return at - offset;
  };
}
