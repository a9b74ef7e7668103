import { allow, equalBytes, KiB, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, HostPath, VolumeEdit } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import type { IsFree } from '../free-blocks.ts';
import { baseName, parentPath } from '../host-path.ts';
import { verifyEdits } from '../verify-edits.ts';
import type { WritableKind } from '../writable-kind.ts';
import { type FatLayout, readLayout } from './boot-sector.ts';
import { FatChildren } from './children.ts';
import type { FatEntry } from './dirent.ts';
import { foldName } from './fold-name.ts';
import { countedFree } from './open-fat.ts';
import { FatTable } from './table.ts';

const CHUNK = 256 * KiB;
const LARGEST_BLOCK = 4 * KiB;

/** Writing FAT12, FAT16 and FAT32. */
export const fatKind: WritableKind = { preflight, granularity, freeSpace, verify };

/** The whole of what the gate has looked at the beginning of: both tables, and the count of free clusters. */
function preflight(volume: BlockDevice, signal: AbortSignal): Promise<Verdict<void>> {
  return overHostileBytes(async () => {
    const layout = await readLayout(volume, signal);
    if (!(await tablesEqual(volume, layout, signal))) {
      return refuse('VOLUME_DAMAGED', 'The two copies of the allocation table differ.');
    }
    const said = layout.width === 32 ? await countedFree(volume, layout, signal) : undefined;
    if (said === undefined) return allow(undefined);
    const free = await new FatTable(volume, layout).countFree(signal);
    if (free === said) return allow(undefined);
    return refuse('VOLUME_DAMAGED', `The volume says that ${said} clusters are free, and ${free} are.`);
  });
}

async function tablesEqual(
  volume: BlockDevice,
  { copies, mirrored, tableStart, tableLength, tableBytes }: FatLayout,
  signal: AbortSignal,
): Promise<boolean> {
  if (copies < 2 || !mirrored) return true;
  for (let at = 0; at < tableBytes; at += CHUNK) {
    const length = Math.min(CHUNK, tableBytes - at);
    const [a, b] = [new Uint8Array(length), new Uint8Array(length)];
    await volume.read(tableStart + at, a, signal);
    await volume.read(tableStart + tableLength + at, b, signal);
    if (!equalBytes(a, b)) return false;
  }
  return true;
}

/** The largest block of which none lies both in front of the clusters and in them. */
async function granularity(volume: BlockDevice, signal: AbortSignal): Promise<number> {
  const { dataStart, sectorSize } = await readLayout(volume, signal);
  let size = LARGEST_BLOCK;
  while (size > sectorSize && dataStart % size !== 0) size /= 2;
  return size;
}

/** Free is what lies wholly in clusters that the table says are free. */
async function freeSpace(volume: BlockDevice, signal: AbortSignal): Promise<IsFree> {
  const layout = await readLayout(volume, signal);
  const { clusterSize, dataStart, clusters } = layout;
  const table = new FatTable(volume, layout);
  return async (offset, length) => {
    if (offset < dataStart) return false;
    const first = 2 + Math.floor((offset - dataStart) / clusterSize);
    const last = 2 + Math.floor((offset - dataStart + length - 1) / clusterSize);
    if (last > clusters + 1) return false;
    for (let cluster = first; cluster <= last; cluster += 1) {
      if (!(await table.isFree(cluster, signal))) return false;
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
  await verifyEdits(overlay, 'vfat', edits, signal);
  await verifyNeighbours(base, overlay, edits, signal);
}

/**
 * All other entries of the directories that were changed are as they were: a program that finds names whatever their case,
 * and by patterns, could have found more than it was to.
 */
async function verifyNeighbours(
  base: BlockDevice,
  overlay: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<void> {
  const edited = new Map<HostPath, Set<string>>();
  const [before, after] = [await FatChildren.open(base, signal), await FatChildren.open(overlay, signal)];
  for (const { path } of edits) {
    const parent = foldName(parentPath(path));
    const names = edited.get(parent) ?? new Set();
    edited.set(parent, names.add(foldName(baseName(path))));
    for (const { name, shortName } of await before.named(path, signal)) {
      names.add(foldName(shortName)).add(foldName(name ?? shortName));
    }
  }
  for (const [directory, names] of edited) {
    const there = await after.of(directory, signal);
    if (there === undefined) continue;
    const were = others(await before.of(directory, signal), names);
    if (!sameSet(were, others(there, names))) {
      throw new NsError('NS_EDIT_NOT_MADE', `more than was asked for changed in ${directory}`);
    }
  }
}

function others(entries: readonly FatEntry[] = [], edited: ReadonlySet<string>): Set<string> {
  const left = entries.filter(
    ({ name, shortName }) => !edited.has(foldName(name ?? shortName)) && !edited.has(foldName(shortName)),
  );
  return new Set(
    left.map(({ name, shortName, first, size, attributes, mtime }) =>
      JSON.stringify([name, shortName, first, size, attributes, mtime]),
    ),
  );
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}
