import { ByteView, isAllZero, KiB } from '../../base/index.ts';
import type { BlockDevice, HostPath } from '../../ports/index.ts';
import { corrupt, overHostileBytes } from '../corrupt.ts';
import { SECTOR } from './boot-sector.ts';
import { decodeName } from './file-names.ts';
import { fileTime } from './node.ts';
import { openVolume } from './open-volume.ts';
import { walkPath } from './path-walk.ts';
import { PlacedStream, type Stretch } from './placed.ts';
import { ATTRIBUTE, fixUp, protect } from './records.ts';
import { type Clock, type FileTimes, settleIndexBlock, settleRecord } from './settle-record.ts';
import { decodeRecord, type NtfsVolume } from './volume.ts';

const INDEX_NAME = '$I30';
const LARGEST_BLOCK = 64 * KiB;
const MIRROR_RECORD = 1;

/** What a writer has done to a volume, and what times are to be in it. */
export interface Settling {
  /** What it wrote, ascending and apart. */
  readonly written: readonly Stretch[];
  /** By its own clock, seconds since 1970: when it began, and when it had ended. */
  readonly from: number;
  readonly to: number;
  /** Whole seconds since 1970: what takes the place of all times between. */
  readonly time: number;
  readonly files: ReadonlyMap<HostPath, FileTimes>;
}

/**
 * Takes a writer's clock out of what it has written: its times, and the leavings of earlier ones in what records and
 * index blocks do not use. After this the same changes of the same volume are the same bytes. Throws NS_FS_CORRUPT.
 */
export async function settleTimes(
  device: BlockDevice,
  settling: Settling,
  signal: AbortSignal,
): Promise<void> {
  await overHostileBytes(async () => {
    const { volume, upcase } = await openVolume(device, signal);
    const wanted = new Map<number, FileTimes>();
    for (const [path, times] of settling.files) {
      const found = await walkPath(volume, upcase, path, false, signal);
      if (found.ok) wanted.set(found.value.record.number, times);
    }
    const clock: Clock = {
      from: instant(settling.from),
      to: instant(settling.to),
      time: fileTime(settling.time),
      timesOf: (record) => wanted.get(record),
    };
    const directories = await settleRecords(volume, settling.written, clock, signal);
    for (const directory of directories) {
      await settleIndex(volume, directory, settling.written, clock, signal);
    }
  });
}

function instant(seconds: number): bigint {
  const whole = Math.floor(seconds);
  return fileTime(whole, (seconds - whole) * 1e9);
}

/** Gives the directories whose indexes may have been written. */
async function settleRecords(
  volume: NtfsVolume,
  written: readonly Stretch[],
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const { device, layout, mft } = volume;
  const size = layout.recordSize;
  const placed = new PlacedStream(mft.runs, layout.clusterSize);
  const mirror = await volume.stream(await volume.record(MIRROR_RECORD, signal), ATTRIBUTE.data, '', signal);
  const mirrored = new PlacedStream(mirror?.runs ?? [], layout.clusterSize);
  const directories = new Set<number>();
  for (const number of placed.unitsIn(written, size)) {
    const bytes = new Uint8Array(size);
    // The table's last clusters may be longer than it is.
    if ((await mft.read(number * size, bytes, signal)) < size) break;
    if (isAllZero(bytes.subarray(0, 4))) continue;
    const view = fixUp(bytes, 'FILE');
    const { directory, attributes } = decodeRecord(number, view);
    if (directory) directories.add(number);
    for (const { type, value } of attributes) {
      if (type === ATTRIBUTE.fileName && 'resident' in value)
        directories.add(decodeName(value.resident).parent);
    }
    settleRecord(bytes, number, clock);
    protect(bytes);
    await placed.write(device, number * size, bytes, signal);
    // With large clusters, it is more than the first four that lie there twice.
    if ((number + 1) * size <= (mirror?.size ?? 0))
      await mirrored.write(device, number * size, bytes, signal);
  }
  return directories;
}

async function settleIndex(
  volume: NtfsVolume,
  directory: number,
  written: readonly Stretch[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { device, layout } = volume;
  const record = await volume.record(directory, signal);
  const stream = await volume.stream(record, ATTRIBUTE.indexAllocation, INDEX_NAME, signal);
  // Either may lie in another record than the directory's own.
  const root = await volume.stream(record, ATTRIBUTE.indexRoot, INDEX_NAME, signal);
  if (stream === undefined || root === undefined) return;
  const head = new Uint8Array(12);
  await root.read(0, head, signal);
  const size = new ByteView(head, 'NTFS index root').u32le(8);
  if (size < SECTOR || size > LARGEST_BLOCK) throw corrupt(`an NTFS index has blocks of ${size} bytes`);
  const placed = new PlacedStream(stream.runs, layout.clusterSize);
  for (const number of placed.unitsIn(written, size)) {
    const bytes = new Uint8Array(size);
    if ((await stream.read(number * size, bytes, signal)) < size) break;
    if (isAllZero(bytes.subarray(0, 4))) continue;
    fixUp(bytes, 'INDX');
    settleIndexBlock(bytes, clock);
    protect(bytes);
    await placed.write(device, number * size, bytes, signal);
  }
}
