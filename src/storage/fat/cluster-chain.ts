import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import type { FatTable } from './table.ts';

/** A place on the way is remembered every so many clusters, so that reading backwards does not begin at the start. */
const STRIDE = 1024;

/** Neighbouring clusters of a chain. */
interface ClusterRun {
  readonly cluster: number;
  readonly count: number;
}

/**
 * The clusters of one file of known length. A chain that is shorter, longer or leads round in a circle is never read to its
 * end: NS_FS_CORRUPT.
 */
export class ClusterChain {
  readonly #table: FatTable;
  readonly #what: string;
  readonly #length: number;
  /** By multiples of STRIDE: the cluster at that place of the chain. */
  readonly #marks: number[];

  /** `length` in clusters, at least 1. */
  constructor(table: FatTable, first: number, length: number, what: string) {
    table.checkCluster(first, what);
    if (length > table.layout.clusters) throw corrupt(`${what} is larger than the volume`);
    this.#table = table;
    this.#what = what;
    this.#length = length;
    this.#marks = [first];
  }

  /** The clusters from the place `index` on, at most `most` of them. */
  async find(index: number, most: number, signal?: AbortSignal): Promise<ClusterRun> {
    const mark = Math.min(Math.floor(index / STRIDE), this.#marks.length - 1);
    let at = mark * STRIDE;
    let cluster = this.#marks[mark]!;
    for (;;) {
      signal?.throwIfAborted();
      // Up to the next mark at least, and as far as was asked.
      const wanted = at === index ? most : index - at < STRIDE ? index - at + most : STRIDE;
      const { count, next } = await this.#table.run(cluster, Math.min(wanted, this.#length - at), signal);
      this.#note(at, cluster, count);
      const end = at + count;
      if (end > this.#length || (end === this.#length) !== (next === 'end')) {
        throw corrupt(`the chain of clusters of ${this.#what} has not the length of its size`);
      }
      if (index < end) {
        return { cluster: cluster + (index - at), count: Math.min(most, end - index) };
      }
      if (next === 'end') throw corrupt(`${this.#what} ends early`);
      at = end;
      cluster = next;
    }
  }

  #note(at: number, cluster: number, count: number): void {
    for (let mark = this.#marks.length; mark * STRIDE < at + count; mark += 1) {
      if (mark * STRIDE < at) return;
      this.#marks.push(cluster + (mark * STRIDE - at));
    }
  }
}

/** Reads of a file's bytes over its chain; neighbouring clusters become one read. */
export function chainContents(
  device: BlockDevice,
  table: FatTable,
  file: { readonly first: number; readonly size: number; readonly what: string },
): (offset: number, into: Uint8Array, signal?: AbortSignal) => Promise<number> {
  const { clusterSize, dataStart } = table.layout;
  if (file.size === 0) return () => Promise.resolve(0);
  const chain = new ClusterChain(table, file.first, Math.ceil(file.size / clusterSize), file.what);
  return async (offset, into, signal) => {
    const end = Math.min(file.size, offset + into.byteLength);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / clusterSize);
      const run = await chain.find(index, Math.ceil(end / clusterSize) - index, signal);
      const skip = at - index * clusterSize;
      const length = Math.min(end - at, run.count * clusterSize - skip);
      const target = into.subarray(at - offset, at - offset + length);
      await device.read(dataStart + (run.cluster - 2) * clusterSize + skip, target, signal);
      at += length;
    }
    return Math.max(0, end - offset);
  };
}
