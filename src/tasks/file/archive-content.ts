import { bytes as byteCount, checkBlockRange, NsError } from '../../base/index.ts';
import type { BlockDevice, BlockExtent, FileContent } from '../../ports/index.ts';
import type { HeldEntry } from '../../transfer/index.ts';

const readOnly = (name: string): NsError => new NsError('NS_BLOCK_READ_ONLY', `${name} is only read`);

/** A file of an archive in own storage, as what a file is to hold: its segments where they belong, and holes between. */
export function contentOf(entry: HeldEntry, archive: BlockDevice): FileContent {
  const { size, segments, at } = entry;
  const runs = segments ?? [{ offset: 0, length: size }];
  const name = 'a file of an archive';
  const data: BlockDevice = {
    name,
    capabilities: { ...archive.capabilities, size: byteCount(size), writable: false, trim: false },
    async read(offset, into, signal) {
      checkBlockRange(name, size, offset, into.byteLength);
      const end = offset + into.byteLength;
      if (segments !== undefined) into.fill(0);
      let held = at;
      for (const run of runs) {
        const from = Math.max(offset, run.offset);
        const to = Math.min(end, run.offset + run.length);
        if (from < to) {
          await archive.read(held + from - run.offset, into.subarray(from - offset, to - offset), signal);
        }
        held += run.length;
      }
    },
    ...(segments === undefined
      ? {}
      : { extents: async (offset, length) => extentsOf(runs, size, offset, length) }),
    write: () => Promise.reject(readOnly(name)),
    flush: () => Promise.resolve(),
    trim: () => Promise.reject(readOnly(name)),
    close: () => Promise.resolve(),
  };
  return { size, data };
}

function extentsOf(
  runs: readonly { readonly offset: number; readonly length: number }[],
  size: number,
  offset: number,
  length: number,
): BlockExtent[] {
  const end = Math.min(size, offset + length);
  const told: BlockExtent[] = [];
  let at = offset;
  for (const run of [...runs, { offset: size, length: 0 }]) {
    const from = Math.min(end, Math.max(at, run.offset));
    if (from > at) told.push({ length: from - at, allocated: false, zero: true });
    at = Math.max(at, from);
    const to = Math.min(end, run.offset + run.length);
    if (to > at) told.push({ length: to - at, allocated: true, zero: false });
    at = Math.max(at, to);
  }
  return told;
}
