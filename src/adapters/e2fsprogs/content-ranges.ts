import { NsError } from '../../base/index.ts';
import type { FileContent } from '../../ports/index.ts';

/** Blocks of a file, the last one among them. */
export interface BlockRange {
  readonly first: number;
  readonly last: number;
}

/** Of one file: each is a command to debugfs. */
const MOST_RANGES = 1000;
/** Asked for at once. */
const STEP = 2 ** 40;

/**
 * The blocks that a content needs: all but the clusters that lie wholly in its holes. Where it has very many holes the smaller
 * ones are not kept.
 */
export async function contentRanges(
  { size, data }: FileContent,
  blockSize: number,
  clusterBlocks: number,
  signal: AbortSignal,
): Promise<readonly BlockRange[]> {
  if (size === 0) return [];
  const lastBlock = Math.ceil(size / blockSize) - 1;
  if (data.extents === undefined) return [{ first: 0, last: lastBlock }];
  const cluster = clusterBlocks * blockSize;
  let ranges: BlockRange[] = [];
  let smallestHole = 1;
  for (let at = 0; at < size; ) {
    signal.throwIfAborted();
    const runs = await data.extents(at, Math.min(STEP, size - at), signal);
    if (runs.every(({ length }) => length === 0)) throw noExtents(data.name);
    for (const { length, allocated, zero } of runs) {
      const end = Math.min(size, at + length);
      if ((allocated || !zero) && end > at) {
        const first = Math.floor(at / cluster) * clusterBlocks;
        const last = Math.min(lastBlock, Math.ceil(end / cluster) * clusterBlocks - 1);
        join(ranges, first, last, smallestHole);
        while (ranges.length > MOST_RANGES) {
          smallestHole *= 2;
          const fewer: BlockRange[] = [];
          for (const { first, last } of ranges) join(fewer, first, last, smallestHole);
          ranges = fewer;
        }
      }
      at = end;
    }
  }
  return ranges;
}

function noExtents(name: string): NsError {
  return new NsError('NS_BLOCK_IO', `${name} does not tell where it holds something`);
}

/** Adds a range that begins at or behind the last one; holes of fewer blocks are filled. */
function join(ranges: BlockRange[], first: number, last: number, smallestHole: number): void {
  const before = ranges.at(-1);
  if (before === undefined || first - before.last - 1 >= smallestHole) ranges.push({ first, last });
  else ranges[ranges.length - 1] = { first: before.first, last: Math.max(before.last, last) };
}
