import type { OpenFile } from '../../ports/index.ts';
import { MOST_SEGMENTS, type Segment } from '../../transfer/index.ts';

/** The runs of a file that hold something; undefined where it has no holes, or too many. */
export async function segmentsOf(
  file: OpenFile,
  signal: AbortSignal,
): Promise<readonly Segment[] | undefined> {
  const { size } = file.stat;
  const segments: Segment[] = [];
  for (let at = 0; at < size && file.extents !== undefined; ) {
    const runs = await file.extents(at, size - at, signal);
    if (runs.length === 0) return undefined;
    for (const { length, allocated, zero } of runs) {
      const last = segments.at(-1);
      if (allocated && !zero) {
        if (last !== undefined && last.offset + last.length === at) {
          segments[segments.length - 1] = { offset: last.offset, length: last.length + length };
        } else segments.push({ offset: at, length });
      }
      at += length;
    }
    if (segments.length > MOST_SEGMENTS) return undefined;
  }
  if (file.extents === undefined || (segments.length === 1 && segments[0]?.length === size)) return undefined;
  return segments;
}
