import { allow, KiB, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, HostPath, VolumeEdit } from '../../ports/index.ts';
import { corrupt, overHostileBytes } from '../corrupt.ts';
import type { IsFree } from '../free-blocks.ts';
import { baseName, parentPath } from '../host-path.ts';
import { verifyEdits } from '../verify-edits.ts';
import type { WritableKind } from '../writable-kind.ts';
import { checkNtfs } from './check.ts';
import { NtfsDirectory } from './directory.ts';
import { openVolume } from './open-volume.ts';
import { walkPath } from './path-walk.ts';
import { ATTRIBUTE } from './records.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';
import { whyNotWritable } from './writable.ts';

const BITMAP_RECORD = 6;
const LARGEST_BLOCK = 4 * KiB;
const CHUNK = 64 * KiB;

/** Writing NTFS 3.0 and 3.1. */
export const ntfsKind: WritableKind = { preflight, granularity, freeSpace, verify };

/** The whole volume: what is wrong with it before is not to be taken for our doing, nor written over. */
async function preflight(volume: BlockDevice, signal: AbortSignal): Promise<Verdict<void>> {
  return await overHostileBytes(async () => {
    const opened = await openVolume(volume, signal);
    const refused = await whyNotWritable(opened.volume, signal);
    if (refused !== undefined) return { ok: false, refusal: refused };
    const fault = await checkNtfs(volume, signal);
    return fault === undefined
      ? allow(undefined)
      : refuse('VOLUME_DAMAGED', `The volume has a fault: ${fault}.`);
  });
}

async function granularity(volume: BlockDevice, signal: AbortSignal): Promise<number> {
  const { layout } = (await openVolume(volume, signal)).volume;
  return Math.min(LARGEST_BLOCK, layout.clusterSize);
}

/** Free is what lies wholly in clusters that $Bitmap says are free. */
async function freeSpace(device: BlockDevice, signal: AbortSignal): Promise<IsFree> {
  const { volume } = await openVolume(device, signal);
  const { clusterSize, size } = volume.layout;
  const clusters = Math.floor(size / clusterSize);
  const record = await volume.record(BITMAP_RECORD, signal);
  const bitmap = await volume.stream(record, ATTRIBUTE.data, '', signal);
  if (bitmap === undefined) throw corrupt('there is no $Bitmap');
  const piece = { at: -1, bytes: new Uint8Array(CHUNK) };
  return async (offset, length) => {
    const first = Math.floor(offset / clusterSize);
    const last = Math.floor((offset + length - 1) / clusterSize);
    if (last >= clusters) return false;
    for (let cluster = first; cluster <= last; cluster += 1) {
      const at = Math.floor(cluster / 8 / CHUNK) * CHUNK;
      if (at !== piece.at) {
        piece.bytes.fill(0xff);
        piece.at = -1;
        await bitmap.read(at, piece.bytes, signal);
        piece.at = at;
      }
      if ((piece.bytes[Math.floor(cluster / 8) - at]! & (1 << (cluster & 7))) !== 0) return false;
    }
    return true;
  };
}

async function verify(
  base: BlockDevice,
  overlay: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<void> {
  await verifyEdits(overlay, 'ntfs', edits, signal);
  await overHostileBytes(() => verifyNeighbours(base, overlay, edits, signal));
}

/** All other entries of the directories that were changed are as they were. */
async function verifyNeighbours(
  base: BlockDevice,
  overlay: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<void> {
  const [before, after] = [await openVolume(base, signal), await openVolume(overlay, signal)];
  const edited = new Map<string, { readonly path: HostPath; readonly names: Set<string> }>();
  for (const { path } of edits) {
    const parent = parentPath(path);
    const key = before.upcase.fold(parent);
    const known = edited.get(key) ?? { path: parent, names: new Set() };
    known.names.add(before.upcase.fold(baseName(path)));
    // By a short name, it is the long one that changes.
    const found = await walkPath(before.volume, before.upcase, path, false, signal);
    if (found.ok) known.names.add(before.upcase.fold(found.value.stat.name ?? ''));
    edited.set(key, known);
  }
  for (const { path, names } of edited.values()) {
    const now = await entriesBeside(after, path, names, signal);
    const were = await entriesBeside(before, path, names, signal);
    // A directory that was made, or is gone, has none that were there before.
    if (now === undefined || were === undefined) continue;
    if (now.size !== were.size || [...were].some((entry) => !now.has(entry))) {
      throw new NsError('NS_EDIT_NOT_MADE', `more than was asked for changed in ${path}`);
    }
  }
}

async function entriesBeside(
  { volume, upcase }: { readonly volume: NtfsVolume; readonly upcase: Upcase },
  path: HostPath,
  edited: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Set<string> | undefined> {
  const found = await walkPath(volume, upcase, path, false, signal);
  if (!found.ok || !found.value.record.directory) return undefined;
  const directory = await NtfsDirectory.open(volume, found.value.record, signal);
  const beside = new Set<string>();
  for await (const { name, namespace, record, sequence } of directory.entries(signal)) {
    // A short name comes and goes with the long one.
    if (namespace !== 'dos' && !edited.has(upcase.fold(name))) beside.add(`${record} ${sequence} ${name}`);
  }
  return beside;
}
