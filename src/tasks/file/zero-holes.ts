import { isAllZero, KiB, MiB } from '../../base/index.ts';
import type { BlockDevice, BlockExtent } from '../../ports/index.ts';

/** What is looked at as one: a hole begins and ends where these do. */
const PIECE = 64 * KiB;
/** Enough of a piece to tell nearly always that it is none of zeros. */
const PROBE = 4 * KiB;
/** Told by one call. */
const MOST = 64 * MiB;

/**
 * A content whose zeros are holes, however it came to have them: nothing is told of holes where a file comes from, and its own
 * storage may not know.
 */
export function zerosAsHoles(data: BlockDevice, size: number): BlockDevice {
  const piece = new Uint8Array(PIECE);
  const isHole = async (from: number, to: number, signal?: AbortSignal): Promise<boolean> => {
    for (let at = from; at < to; ) {
      const part = piece.subarray(0, Math.min(at === from ? PROBE : PIECE, to - at));
      await data.read(at, part, signal);
      if (!isAllZero(part)) return false;
      at += part.byteLength;
    }
    return true;
  };
  let busy: Promise<unknown> = Promise.resolve();
  const told = async (offset: number, length: number, signal?: AbortSignal): Promise<BlockExtent[]> => {
    const end = Math.min(size, offset + Math.min(length, MOST));
    const runs: BlockExtent[] = [];
    for (let at = offset; at < end; ) {
      signal?.throwIfAborted();
      const next = Math.min(end, at - (at % PIECE) + PIECE);
      const hole = await isHole(at, next, signal);
      const last = runs.at(-1);
      if (last?.zero === hole) runs[runs.length - 1] = { ...last, length: last.length + next - at };
      else runs.push({ length: next - at, allocated: !hole, zero: hole });
      at = next;
    }
    return runs;
  };
  return {
    name: data.name,
    capabilities: data.capabilities,
    read: (offset, into, signal) => data.read(offset, into, signal),
    write: (offset, bytes, signal) => data.write(offset, bytes, signal),
    flush: (signal) => data.flush(signal),
    trim: (offset, length, signal) => data.trim(offset, length, signal),
    // One buffer for all: calls wait for each other.
    extents: (offset, length, signal) => {
      const next = busy.then(() => told(offset, length, signal));
      busy = next.catch(() => undefined);
      return next;
    },
    close: () => data.close(),
  };
}
