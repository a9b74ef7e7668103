import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { decompressLznt1 } from './lznt1.ts';
import type { NtfsAttribute, NtfsRun } from './records.ts';

/** The bytes of an attribute. */
export interface NtfsStream {
  readonly size: number;
  /** Number of bytes put into `into`; fewer only at the end. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<number>;
  /** Where it lies; none where it is kept in its record, or compressed. */
  readonly runs: readonly NtfsRun[];
}

interface Stored {
  readonly runs: readonly NtfsRun[];
  readonly size: number;
  /** Bytes from here on were never written and read as zeros. */
  readonly initialized: number;
}

const LARGEST_UNIT = 2 ** 20;

/**
 * The bytes of an attribute out of all its parts. Encrypted ones throw NS_FS_UNSUPPORTED, parts that do not fit together
 * NS_FS_CORRUPT. With `whole` false the last parts may still be missing.
 */
export function streamOf(
  device: BlockDevice,
  clusterSize: number,
  parts: readonly NtfsAttribute[],
  { whole }: { readonly whole: boolean },
): NtfsStream {
  const [first] = parts;
  if (first === undefined) throw corrupt('an NTFS attribute has no place');
  if (first.encrypted) {
    throw new NsError('NS_FS_UNSUPPORTED', 'the file is encrypted by Windows', { family: 'peer' });
  }
  if ('resident' in first.value) return residentStream(first.value.resident);
  const runs: NtfsRun[] = [];
  let clusters = 0;
  let head: Extract<NtfsAttribute['value'], { first: number }> | undefined;
  const placed = parts.flatMap(({ value }) => ('resident' in value ? [] : [value]));
  for (const part of placed.sort((a, b) => a.first - b.first)) {
    if (part.first !== clusters) throw corrupt('the parts of an NTFS attribute do not fit together');
    head ??= part;
    runs.push(...part.runs);
    clusters += part.runs.reduce((sum, { count }) => sum + count, 0);
  }
  if (head === undefined) throw corrupt('an NTFS attribute has no place');
  if (whole && clusters * clusterSize < head.size) throw corrupt('an NTFS file ends too early');
  const size = Math.min(head.size, clusters * clusterSize);
  const stored = { runs, size, initialized: Math.min(head.initialized, size) };
  return first.compressed && head.unit > 0
    ? compressedRuns(device, clusterSize, stored, head.unit)
    : readRuns(device, clusterSize, stored);
}

function residentStream(bytes: Uint8Array): NtfsStream {
  return {
    size: bytes.byteLength,
    runs: [],
    read: (offset, into) => {
      const piece = bytes.subarray(Math.min(offset, bytes.byteLength), offset + into.byteLength);
      into.set(piece);
      return Promise.resolve(piece.byteLength);
    },
  };
}

/** Bytes straight from their clusters; holes, and what was never written, are zeros. */
export function readRuns(device: BlockDevice, clusterSize: number, stored: Stored): NtfsStream {
  const { runs, size, initialized } = stored;
  const starts = startsOf(runs);
  return {
    size,
    runs,
    async read(offset, into, signal) {
      const end = Math.min(size, offset + into.byteLength);
      for (let at = offset; at < end; ) {
        signal?.throwIfAborted();
        const target = into.subarray(at - offset, end - offset);
        if (at >= initialized) {
          target.fill(0);
          break;
        }
        const index = runAt(starts, Math.floor(at / clusterSize));
        const run = runs[index];
        if (run === undefined) throw corrupt('an NTFS file ends too early');
        const skip = at - starts[index]! * clusterSize;
        const length = Math.min(run.count * clusterSize - skip, Math.min(end, initialized) - at);
        await readAt(
          device,
          run,
          run.cluster === undefined ? 0 : run.cluster * clusterSize + skip,
          target.subarray(0, length),
          signal,
        );
        at += length;
      }
      return Math.max(0, end - offset);
    },
  };
}

async function readAt(
  device: BlockDevice,
  { cluster }: NtfsRun,
  at: number,
  into: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  if (cluster === undefined) {
    into.fill(0);
    return;
  }
  if (at + into.byteLength > device.capabilities.size) throw corrupt('an NTFS run lies outside the volume');
  await device.read(at, into, signal);
}

export function startsOf(runs: readonly NtfsRun[]): readonly number[] {
  const starts: number[] = [];
  let start = 0;
  for (const { count } of runs) {
    starts.push(start);
    start += count;
  }
  return starts;
}

/** The last run that begins at this cluster of the file, or before. */
export function runAt(starts: readonly number[], cluster: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle]! <= cluster) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Units of clusters, each stored as it is, as a hole, or compressed into its first clusters with a hole behind them. */
function compressedRuns(
  device: BlockDevice,
  clusterSize: number,
  { runs, size, initialized }: Stored,
  unit: number,
): NtfsStream {
  const unitBytes = unit * clusterSize;
  if (unitBytes > LARGEST_UNIT) throw corrupt('an NTFS file is compressed in units that make no sense');
  const starts = startsOf(runs);
  const plain = readRuns(device, clusterSize, {
    runs,
    size: runs.reduce((sum, { count }) => sum + count, 0) * clusterSize,
    initialized: Number.MAX_SAFE_INTEGER,
  });
  let last: { readonly number: number; readonly bytes: Uint8Array } | undefined;
  const unitOf = async (number: number, signal?: AbortSignal): Promise<Uint8Array> => {
    if (last?.number === number) return last.bytes;
    const filled = filledClusters(runs, starts, number * unit, unit);
    const stored = new Uint8Array(filled * clusterSize);
    await plain.read(number * unitBytes, stored, signal);
    const bytes = filled === unit ? stored : decompressLznt1(stored, unitBytes);
    last = { number, bytes };
    return bytes;
  };
  return {
    size,
    runs: [],
    async read(offset, into, signal) {
      const end = Math.min(size, offset + into.byteLength);
      for (let at = offset; at < end; ) {
        const bytes = await unitOf(Math.floor(at / unitBytes), signal);
        const skip = at % unitBytes;
        const length = Math.min(end - at, unitBytes - skip);
        const target = into.subarray(at - offset, at - offset + length);
        target.fill(0);
        const known = Math.max(0, Math.min(length, initialized - at));
        target.set(bytes.subarray(skip, skip + known));
        at += length;
      }
      return Math.max(0, end - offset);
    },
  };
}

/** How many clusters of a unit are there before its hole. NS_FS_CORRUPT where there is something behind a hole. */
function filledClusters(
  runs: readonly NtfsRun[],
  starts: readonly number[],
  first: number,
  unit: number,
): number {
  let filled = 0;
  let hole = false;
  for (let at = first; at < first + unit; ) {
    const index = runAt(starts, at);
    const run = runs[index];
    const rest = run === undefined ? 0 : starts[index]! + run.count - at;
    if (run === undefined || rest <= 0) break;
    const count = Math.min(rest, first + unit - at);
    if (run.cluster === undefined) hole = true;
    else if (hole) throw corrupt('a compressed NTFS unit has a hole in its middle');
    else filled += count;
    at += count;
  }
  return filled;
}
