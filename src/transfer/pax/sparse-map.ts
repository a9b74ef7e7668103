import { concatBytes, utf8 } from '../../base/index.ts';
import { BLOCK, roundUp, type Segment } from './archive-entry.ts';

/** Runs of one sparse file; one with more is kept as if it had no holes. */
export const MOST_SEGMENTS = 10_000;

/**
 * The map in front of a sparse file's contents (GNU tar, "GNU.sparse" 1.0): decimal numbers, a line each: how many
 * runs, then offset and length of each; filled up to whole blocks. A last run of no length tells of a hole at the end.
 */
export function encodeSparseMap(segments: readonly Segment[], size: number): Uint8Array {
  const last = segments.at(-1);
  const told = [...segments];
  if (last === undefined || last.offset + last.length < size) told.push({ offset: size, length: 0 });
  const text = utf8(`${told.length}\n${told.map(({ offset, length }) => `${offset}\n${length}\n`).join('')}`);
  return concatBytes(text, new Uint8Array(roundUp(text.byteLength) - text.byteLength));
}

/** Reads the map out of a stored file; a fault in words where there is none. */
export async function readSparseMap(
  read: (offset: number, into: Uint8Array) => Promise<void>,
  stored: number,
  size: number,
): Promise<{ readonly segments: readonly Segment[]; readonly mapBytes: number } | string> {
  let text = '';
  let mapBytes = 0;
  let numbers: string[] = [];
  let wanted = 1;
  while (numbers.length < wanted) {
    if (mapBytes + BLOCK > stored || mapBytes > MOST_SEGMENTS * 44)
      return 'the map of a sparse file has no end';
    const block = new Uint8Array(BLOCK);
    await read(mapBytes, block);
    mapBytes += BLOCK;
    text += Buffer.from(block).toString('latin1');
    numbers = text.split('\n').slice(0, -1);
    const count = numbers[0];
    if (count === undefined) continue;
    if (!/^\d{1,6}$/.test(count) || Number(count) > MOST_SEGMENTS + 1)
      return 'the map of a sparse file is too long';
    wanted = 1 + 2 * Number(count);
  }
  const segments: Segment[] = [];
  let before = 0;
  let held = 0;
  for (let i = 1; i < wanted; i += 2) {
    const [offset, length] = [numbers[i] ?? '', numbers[i + 1] ?? ''].map((number) =>
      /^\d{1,16}$/.test(number) ? Number(number) : Number.NaN,
    ) as [number, number];
    if (!(offset >= before) || !(offset + length <= size))
      return 'the map of a sparse file contradicts itself';
    before = offset + length;
    held += length;
    if (length > 0) segments.push({ offset, length });
  }
  if (held > stored - mapBytes) return 'a sparse file is shorter than its map says';
  return { segments, mapBytes };
}
