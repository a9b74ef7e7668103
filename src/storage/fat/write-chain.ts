import type { BlockDevice } from '../../ports/index.ts';
import type { FatLayout } from './boot-sector.ts';
import type { ClusterRun } from './table.ts';

/** Clusters whose entries are written at once: even, so that those of FAT12 begin and end at a byte. */
const AT_ONCE = 8192;
const END = { 12: 0xfff, 16: 0xffff, 32: 0x0fff_ffff } as const;

/** Makes these clusters one chain, in every copy of the table that is kept. */
export async function writeChain(
  device: BlockDevice,
  layout: FatLayout,
  runs: readonly ClusterRun[],
  signal: AbortSignal,
): Promise<void> {
  for (const [i, { first, count }] of runs.entries()) {
    const behind = runs[i + 1]?.first ?? END[layout.width];
    const last = first + count - 1;
    for (let cluster = first; cluster <= last; ) {
      const start = cluster - (cluster % 2);
      const end = Math.min(last + 1, start + AT_ONCE);
      const at = Math.floor((start * layout.width) / 8);
      const entries = new Uint8Array(Math.ceil((end * layout.width) / 8) - at);
      await device.read(layout.tableStart + at, entries, signal);
      for (; cluster < end; cluster += 1) {
        setEntry(entries, cluster - start, layout.width, cluster === last ? behind : cluster + 1);
      }
      for (let copy = 0; copy < (layout.mirrored ? layout.copies : 1); copy += 1) {
        await device.write(layout.tableStart + copy * layout.tableLength + at, entries, signal);
      }
    }
  }
}

/** The entry of the n-th cluster from the one on that the bytes begin with, which is an even one. */
function setEntry(bytes: Uint8Array, n: number, width: FatLayout['width'], value: number): void {
  const view = new DataView(bytes.buffer);
  if (width === 16) view.setUint16(n * 2, value, true);
  else if (width === 32) {
    // The top four bits are reserved, and stay.
    const kept = view.getUint32(n * 4, true) & 0xf000_0000;
    view.setUint32(n * 4, (kept | value) >>> 0, true);
  } else {
    const at = Math.floor(n * 1.5);
    const [low, high] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    if (n % 2 === 0) {
      bytes[at] = value & 0xff;
      bytes[at + 1] = (high & 0xf0) | (value >> 8);
    } else {
      bytes[at] = (low & 0x0f) | ((value & 0x0f) << 4);
      bytes[at + 1] = value >> 4;
    }
  }
}
