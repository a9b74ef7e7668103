import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import type { NtfsRun } from './records.ts';
import { runAt, startsOf } from './stream.ts';

/** Bytes of a volume. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
}

/** A stream by where it lies on its volume: what was written of it, and writing it. */
export class PlacedStream {
  readonly #runs: readonly NtfsRun[];
  readonly #starts: readonly number[];
  readonly #clusterSize: number;

  constructor(runs: readonly NtfsRun[], clusterSize: number) {
    this.#runs = runs;
    this.#starts = startsOf(runs);
    this.#clusterSize = clusterSize;
  }

  /** Numbers of the units of which some byte lies in one of the stretches, which are ascending and apart; ascending. */
  unitsIn(stretches: readonly Stretch[], unit: number): number[] {
    const units = new Set<number>();
    for (const [i, { cluster, count }] of this.#runs.entries()) {
      if (cluster === undefined) continue;
      const start = cluster * this.#clusterSize;
      const end = start + count * this.#clusterSize;
      const shift = this.#starts[i]! * this.#clusterSize - start;
      for (let at = firstBeyond(stretches, start); at < stretches.length; at += 1) {
        const { offset, length } = stretches[at]!;
        if (offset >= end) break;
        const from = Math.max(offset, start) + shift;
        const to = Math.min(offset + length, end) + shift;
        for (let n = Math.floor(from / unit); n * unit < to; n += 1) units.add(n);
      }
    }
    return [...units].sort((a, b) => a - b);
  }

  /** What lies in a hole cannot be written: NS_FS_CORRUPT. */
  async write(device: BlockDevice, offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let done = 0; done < data.byteLength; ) {
      const at = offset + done;
      const index = runAt(this.#starts, Math.floor(at / this.#clusterSize));
      const run = this.#runs[index];
      const skip = at - (this.#starts[index] ?? 0) * this.#clusterSize;
      const rest = (run?.count ?? 0) * this.#clusterSize - skip;
      if (run?.cluster === undefined || rest <= 0) throw corrupt('a record lies in no cluster');
      const part = data.subarray(done, done + rest);
      await device.write(run.cluster * this.#clusterSize + skip, part, signal);
      done += part.byteLength;
    }
  }
}

/** The first stretch that ends beyond a place. */
function firstBeyond(stretches: readonly Stretch[], place: number): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { offset, length } = stretches[middle]!;
    if (offset + length <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}
