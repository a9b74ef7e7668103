import { NsError } from '../../base/index.ts';
import type { EditableVolume, FileContent, HostPath } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { putContent } from '../placed-content.ts';
import type { NtfsNode } from './node.ts';
import { openVolume } from './open-volume.ts';
import { walkPath } from './path-walk.ts';
import { PlacedStream } from './placed.ts';
import { ATTRIBUTE, fixUp, protect } from './records.ts';
import type { NtfsVolume } from './volume.ts';

/** In the head of an attribute that lies in clusters: its first cluster, its bytes, and how many of them were ever written. */
const FIRST_AT = 16;
const SIZE_AT = 48;
const INITIALIZED_AT = 56;

/** A file of the volume, made for a content: of its size, with clusters for all of it. */
export interface AllocatedFile {
  readonly path: HostPath;
  readonly content: FileContent;
}

/**
 * Gives files that have their clusters already what they are to hold. Throws NS_EDIT_NOT_MADE where a file is not there or has
 * not the clusters, and NS_FS_CORRUPT.
 */
export async function placeNtfsContents(
  device: EditableVolume,
  files: readonly AllocatedFile[],
  signal: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  await overHostileBytes(async () => {
    const { volume, upcase } = await openVolume(device, signal);
    for (const { path, content } of files) {
      const found = await walkPath(volume, upcase, path, false, signal);
      if (!found.ok) throw notMade(path, `was not made: ${found.refusal.sentence}`);
      await fill(volume, device, found.value, path, content, signal);
      await markWritten(volume, found.value, path, content.size, signal);
    }
  });
}

async function fill(
  volume: NtfsVolume,
  device: EditableVolume,
  { record }: NtfsNode,
  path: HostPath,
  content: FileContent,
  signal: AbortSignal,
): Promise<void> {
  const { clusterSize } = volume.layout;
  const stream = await volume.stream(record, ATTRIBUTE.data, '', signal);
  let from = 0;
  for (const { cluster, count } of stream?.runs ?? []) {
    if (cluster === undefined) throw notMade(path, 'has a hole');
    await putContent(device, cluster * clusterSize, count * clusterSize, content, from, signal);
    from += count * clusterSize;
  }
  if (from < content.size) throw notMade(path, 'has not the clusters that it needs');
}

/** What was never written reads as zeros, whatever lies there. */
async function markWritten(
  volume: NtfsVolume,
  { record }: NtfsNode,
  path: HostPath,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const { recordSize, clusterSize } = volume.layout;
  const placed = new PlacedStream(volume.mft.runs, clusterSize);
  for (const number of new Set([
    record.number,
    ...(await volume.holders(record, ATTRIBUTE.data, '', signal)),
  ])) {
    const bytes = new Uint8Array(recordSize);
    await volume.mft.read(number * recordSize, bytes, signal);
    const view = fixUp(bytes, 'FILE');
    for (let at = view.u16le(0x14); view.u32le(at) !== ATTRIBUTE.end; at += view.u32le(at + 4)) {
      if (view.u32le(at + 4) < 24) throw notMade(path, 'has a record that makes no sense');
      const unnamedData = view.u32le(at) === ATTRIBUTE.data && view.u8(at + 9) === 0;
      if (!unnamedData || view.u8(at + 8) === 0 || view.u64le(at + FIRST_AT) !== 0n) continue;
      if (view.u64leNumber(at + SIZE_AT) !== size) throw notMade(path, 'has another size');
      const raw = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      raw.setBigUint64(at + INITIALIZED_AT, BigInt(size), true);
      protect(bytes);
      await placed.write(volume.device, number * recordSize, bytes, signal);
      return;
    }
  }
  throw notMade(path, 'has no content in clusters');
}

function notMade(path: HostPath, what: string): NsError {
  return new NsError('NS_EDIT_NOT_MADE', `${path} ${what}`);
}
