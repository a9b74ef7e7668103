import { KiB, MiB } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { ENTRY_BYTES, EntryReader, type FatItem } from './dirent.ts';
import type { FatTable } from './table.ts';

/** No directory may be larger, by the specification of FAT32. */
const LARGEST = 2 * MiB;
const CHUNK = 64 * KiB;

/** Where the records of a directory lie: in the fixed root, or in a chain of clusters. */
export type DirectoryPlace = 'root' | { readonly cluster: number };

/** All that a directory holds, in the order stored, without "." and "..". NS_FS_CORRUPT where it does not end. */
export async function* directoryItems(
  device: BlockDevice,
  table: FatTable,
  place: DirectoryPlace,
  signal?: AbortSignal,
): AsyncGenerator<FatItem> {
  const reader = new EntryReader(table.layout.width === 32);
  for await (const { at, bytes } of stretches(device, table, place, signal)) {
    for (let offset = 0; offset + ENTRY_BYTES <= bytes.byteLength; offset += ENTRY_BYTES) {
      const item = reader.take(bytes.subarray(offset, offset + ENTRY_BYTES), at + offset);
      if (item === 'end') return;
      if (item !== undefined && !isDots(item)) yield item;
    }
  }
}

function isDots(item: FatItem): boolean {
  return item.is === 'entry' && (item.entry.shortName === '.' || item.entry.shortName === '..');
}

async function* stretches(
  device: BlockDevice,
  table: FatTable,
  place: DirectoryPlace,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly at: number; readonly bytes: Uint8Array }> {
  const { root, clusterSize, dataStart } = table.layout;
  if (place === 'root' && root.at !== 'cluster') {
    yield* chunks(device, root.at, root.length, signal);
    return;
  }
  let cluster = place === 'root' ? (root as { cluster: number }).cluster : place.cluster;
  table.checkCluster(cluster, 'a directory');
  const seen = new Set<number>();
  for (let length = 0; ; ) {
    if (seen.has(cluster)) throw corrupt('a directory leads round in a circle');
    seen.add(cluster);
    const { count, next } = await table.run(cluster, Math.ceil(CHUNK / clusterSize), signal);
    length += count * clusterSize;
    if (length > LARGEST) throw corrupt('a directory is larger than any may be');
    yield* chunks(device, dataStart + (cluster - 2) * clusterSize, count * clusterSize, signal);
    if (next === 'end') return;
    cluster = next;
  }
}

async function* chunks(
  device: BlockDevice,
  start: number,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly at: number; readonly bytes: Uint8Array }> {
  for (let done = 0; done < length; done += CHUNK) {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.min(CHUNK, length - done));
    await device.read(start + done, bytes, signal);
    yield { at: start + done, bytes };
  }
}
