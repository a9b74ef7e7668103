import { equalBytes, KiB, MiB, NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { type RecordCensus, STATE } from './census.ts';
import { indexFault } from './check-index.ts';
import { ClusterMap } from './cluster-map.ts';
import { openVolume } from './open-volume.ts';
import { ATTRIBUTE, fixUp } from './records.ts';
import type { NtfsStream } from './stream.ts';
import type { Upcase } from './upcase.ts';
import { decodeRecord, type NtfsRecord, type NtfsVolume } from './volume.ts';

const RECORD = { mft: 0, mirror: 1, bitmap: 6 } as const;
/** Set aside by Windows: it says of them that they are in use, and they are not. */
const SET_ASIDE = { first: 16, last: 23 } as const;
const MOST_RECORDS = 2 ** 24;
const CHUNK = 256 * KiB;
/** Four records, or a cluster of them. */
const LARGEST_MIRROR = 2 * MiB;
/** Clusters that are looked at in one pass over the records: 32 MiB of bits. */
const WINDOW = 32 * MiB * 8;

/**
 * Looks through a whole volume for what contradicts itself: clusters of files against $Bitmap, records against the bitmap of
 * $MFT, names in directories against the names in records, the order and the blocks of each index, and $MFTMirr. Gives the
 * first fault in words, undefined where there is none. Memory is bounded: 32 MiB for clusters and 7 bytes for each record.
 */
export async function checkNtfs(device: BlockDevice, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await overHostileBytes(async () => {
      const { volume, upcase } = await openVolume(device, signal);
      return await faultOf(volume, upcase, signal);
    });
  } catch (error) {
    if (error instanceof NsError && error.code === 'NS_FS_CORRUPT') return error.message;
    throw error;
  }
}

async function faultOf(volume: NtfsVolume, upcase: Upcase, signal: AbortSignal): Promise<string | undefined> {
  const count = Math.floor(volume.mft.size / volume.layout.recordSize);
  if (volume.layout.size > volume.device.capabilities.size)
    return 'the volume is larger than what it lies on';
  if (count > MOST_RECORDS) return `${count} records are more than can be looked at here`;
  const census: RecordCensus = {
    count,
    inUse: new Uint8Array(count),
    sequence: new Uint16Array(count),
    names: new Uint16Array(count),
    entries: new Uint16Array(count),
  };
  return (
    (await mirrorFault(volume, signal)) ??
    (await recordsFault(volume, census, signal)) ??
    (await clustersFault(volume, signal)) ??
    (await namesFault(volume, upcase, census, signal))
  );
}

async function mirrorFault(volume: NtfsVolume, signal: AbortSignal): Promise<string | undefined> {
  const mirror = await volume.stream(await volume.record(RECORD.mirror, signal), ATTRIBUTE.data, '', signal);
  if (mirror === undefined) return 'there is no $MFTMirr';
  if (mirror.size > LARGEST_MIRROR) return '$MFTMirr is too large';
  const size = Math.min(mirror.size, volume.mft.size);
  const [first, second] = [new Uint8Array(size), new Uint8Array(size)];
  await volume.mft.read(0, first, signal);
  await mirror.read(0, second, signal);
  return equalBytes(first, second) ? undefined : '$MFTMirr differs from the beginning of $MFT';
}

/** Records that were used at least once, in order. */
async function* records(volume: NtfsVolume, signal: AbortSignal): AsyncGenerator<NtfsRecord | number> {
  const size = volume.layout.recordSize;
  const count = Math.floor(volume.mft.size / size);
  const perChunk = Math.max(1, Math.floor(CHUNK / size));
  for (let first = 0; first < count; first += perChunk) {
    signal.throwIfAborted();
    const chunk = new Uint8Array(Math.min(perChunk, count - first) * size);
    await volume.mft.read(first * size, chunk, signal);
    for (let i = 0; i * size < chunk.byteLength; i += 1) {
      const bytes = chunk.subarray(i * size, (i + 1) * size);
      const named = Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'FILE';
      yield named ? decodeRecord(first + i, fixUp(bytes, 'FILE')) : first + i;
    }
  }
}

/** Each record, and its clusters as far as they lie in the first window. Takes the census on the way. */
async function recordsFault(
  volume: NtfsVolume,
  census: RecordCensus,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bits = new Bits(
    await volume.stream(await volume.record(RECORD.mft, signal), ATTRIBUTE.bitmap, '', signal),
  );
  const clusters = clustersOf(volume);
  const map = new ClusterMap(0, Math.min(WINDOW, clusters));
  for await (const record of records(volume, signal)) {
    const number = typeof record === 'number' ? record : record.number;
    const used = typeof record !== 'number' && record.inUse;
    const aside = number >= SET_ASIDE.first && number <= SET_ASIDE.last;
    if (!aside && (await bits.get(number, signal)) !== used) {
      return `record ${number} is ${used ? '' : 'not '}in use, and the bitmap of $MFT says otherwise`;
    }
    if (typeof record === 'number' || !used) continue;
    const part = record.base !== 0;
    census.inUse[number] =
      STATE.used | (record.directory && !part ? STATE.directory : 0) | (part ? STATE.part : 0);
    census.sequence[number] = record.sequence;
    const owner = part ? record.base : number;
    if (owner >= census.count) return `record ${number} belongs to record ${owner}, which is not there`;
    census.names[owner]! += record.attributes.filter(({ type }) => type === ATTRIBUTE.fileName).length;
    const fault = markClusters(map, record, clusters);
    if (fault !== undefined) return fault;
  }
  return await bitmapFault(volume, map, signal);
}

/** Clusters behind the first window, in as many passes as they take. */
async function clustersFault(volume: NtfsVolume, signal: AbortSignal): Promise<string | undefined> {
  const clusters = clustersOf(volume);
  for (let start = WINDOW; start < clusters; start += WINDOW) {
    const map = new ClusterMap(start, Math.min(WINDOW, clusters - start));
    for await (const record of records(volume, signal)) {
      if (typeof record === 'number' || !record.inUse) continue;
      const fault = markClusters(map, record, clusters);
      if (fault !== undefined) return fault;
    }
    const fault = await bitmapFault(volume, map, signal);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function clustersOf({ layout }: NtfsVolume): number {
  return Math.floor(layout.size / layout.clusterSize);
}

function markClusters(map: ClusterMap, record: NtfsRecord, clusters: number): string | undefined {
  for (const { value } of record.attributes) {
    if ('resident' in value) continue;
    for (const { cluster, count } of value.runs) {
      if (cluster === undefined) continue;
      if (cluster + count > clusters) return `record ${record.number} has clusters outside the volume`;
      const twice = map.mark(cluster, count);
      if (twice !== undefined) return `cluster ${twice} belongs to record ${record.number} and to another`;
    }
  }
  return undefined;
}

async function bitmapFault(
  volume: NtfsVolume,
  map: ClusterMap,
  signal: AbortSignal,
): Promise<string | undefined> {
  const record = await volume.record(RECORD.bitmap, signal);
  const bitmap = await volume.stream(record, ATTRIBUTE.data, '', signal);
  if (bitmap === undefined || bitmap.size * 8 < clustersOf(volume)) {
    return '$Bitmap does not tell of all clusters';
  }
  const differs = await map.differsFrom(bitmap, signal);
  if (differs === undefined) return undefined;
  const { cluster, used } = differs;
  return `cluster ${cluster} is ${used ? 'a file’s' : 'no file’s'}, and $Bitmap says that it is ${used ? 'free' : 'in use'}`;
}

async function namesFault(
  volume: NtfsVolume,
  upcase: Upcase,
  census: RecordCensus,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let number = 0; number < census.count; number += 1) {
    if ((census.inUse[number]! & STATE.directory) === 0) continue;
    signal.throwIfAborted();
    const fault = await indexFault(volume, upcase, await volume.record(number, signal), census, signal);
    if (fault !== undefined) return `the directory in record ${number}: ${fault}`;
  }
  for (let number = 0; number < census.count; number += 1) {
    const [names, entries] = [census.names[number]!, census.entries[number]!];
    if (names !== entries) {
      return `record ${number} has ${names} names, and ${entries} entries of directories lead to it`;
    }
  }
  return undefined;
}

/** Single bits of a stream, read a piece at a time. */
class Bits {
  readonly #stream: NtfsStream | undefined;
  readonly #piece = new Uint8Array(4 * KiB);
  #at = -1;

  constructor(stream: NtfsStream | undefined) {
    this.#stream = stream;
  }

  /** Past the end is not set. */
  async get(bit: number, signal: AbortSignal): Promise<boolean> {
    const at = Math.floor(bit / 8 / this.#piece.byteLength) * this.#piece.byteLength;
    if (at !== this.#at) {
      this.#piece.fill(0);
      await this.#stream?.read(at, this.#piece, signal);
      this.#at = at;
    }
    return (this.#piece[Math.floor(bit / 8) - at]! & (1 << (bit & 7))) !== 0;
  }
}
