import type { BlockExtent } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import type { NtfsAttribute } from './records.ts';

/** Runs told by one call. */
const MOST_RUNS = 1024;

/**
 * What of a file is there and what is a hole, out of all parts of its contents, as OpenFile.extents. A compressed file
 * has no holes: what looks like them is the room that it saved.
 */
export function runExtents(
  parts: readonly NtfsAttribute[],
  clusterSize: number,
): (offset: number, length: number) => readonly BlockExtent[] {
  const [first] = parts;
  if (first === undefined) throw corrupt('an NTFS file has no contents');
  if ('resident' in first.value) {
    const { byteLength } = first.value.resident;
    return (offset, length) => whole(byteLength, offset, length);
  }
  const placed = parts.flatMap(({ value }) => ('resident' in value ? [] : [value]));
  placed.sort((a, b) => a.first - b.first);
  const { size = 0, initialized = 0 } = placed[0] ?? {};
  if (first.compressed) return (offset, length) => whole(size, offset, length);
  const runs = placed.flatMap((part) => part.runs);
  return (offset, length) => {
    const end = Math.min(size, offset + length);
    const told: BlockExtent[] = [];
    let start = 0;
    let at = offset;
    /** From where the last run ended; false where that would be one too many. */
    const tell = (to: number, allocated: boolean, zero: boolean): boolean => {
      if (to <= at) return true;
      const last = told.at(-1);
      if (last?.allocated === allocated && last.zero === zero) {
        told[told.length - 1] = { ...last, length: last.length + to - at };
      } else if (told.length < MOST_RUNS) told.push({ length: to - at, allocated, zero });
      else return false;
      at = to;
      return true;
    };
    for (const { cluster, count } of runs) {
      if (at >= end) break;
      start += count * clusterSize;
      if (start <= at) continue;
      const to = Math.min(start, end);
      const hole = cluster === undefined;
      if (!tell(Math.min(to, Math.max(at, initialized)), !hole, hole) || !tell(to, !hole, true)) break;
    }
    return told;
  };
}

function whole(size: number, offset: number, length: number): readonly BlockExtent[] {
  const end = Math.min(size, offset + length);
  return end > offset ? [{ length: end - offset, allocated: true, zero: false }] : [];
}
