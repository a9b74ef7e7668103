import { KiB, type NsError } from '../../base/index.ts';
import { faultOfOne } from '../corrupt.ts';
import type { Ext4Group } from './groups.ts';
import { decodeInode, type Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Neighbouring blocks of an inode table are read together up to this size. */
const LARGEST_READ = 256 * KiB;
/** Blocks in between that nobody asked for, and that are read along. */
const GAP = 4;

interface Wanted {
  readonly number: number;
  /** Block of the inode table, and the inode's place in it in bytes. */
  readonly block: number;
  readonly offset: number;
}

/**
 * Many inodes by number, read in the order in which they lie on the disk. In the order of `numbers`; NS_FS_CORRUPT or
 * the fault of the device in the place of one that cannot be had.
 */
export async function readInodes(
  volume: Ext4Volume,
  numbers: readonly number[],
  signal?: AbortSignal,
): Promise<readonly (Ext4Inode | NsError)[]> {
  const found = new Map<number, Ext4Inode | NsError>();
  const wanted: Wanted[] = [];
  let group: Ext4Group | undefined;
  for (const number of Float64Array.from(numbers).sort()) {
    if (wanted.at(-1)?.number === number) continue;
    try {
      const { group: of, index } = volume.inodeIndex(number);
      if (group?.group !== of) group = await volume.group(of, signal);
      wanted.push({ number, ...volume.inodePlace(group.inodeTable, index) });
    } catch (error) {
      found.set(number, faultOfOne(error, signal));
    }
  }
  for (let from = 0; from < wanted.length; ) {
    signal?.throwIfAborted();
    let to = from + 1;
    const most = Math.max(1, Math.floor(LARGEST_READ / volume.blockSize));
    for (; to < wanted.length; to += 1) {
      const { block } = wanted[to]!;
      if (block - wanted[to - 1]!.block > GAP || block - wanted[from]!.block >= most) break;
    }
    await readRun(volume, wanted.slice(from, to), found, signal);
    from = to;
  }
  return numbers.map((number) => found.get(number)!);
}

/** One read; where that fails, block by block, so that a bad one takes no other inodes with it. */
async function readRun(
  volume: Ext4Volume,
  run: readonly Wanted[],
  found: Map<number, Ext4Inode | NsError>,
  signal?: AbortSignal,
): Promise<void> {
  const { blockSize, device, layout } = volume;
  const first = run[0]!.block;
  const last = run.at(-1)!.block;
  const bytes = new Uint8Array((last - first + 1) * blockSize);
  try {
    await device.read(first * blockSize, bytes, signal);
  } catch (error) {
    const fault = faultOfOne(error, signal);
    if (first === last) {
      for (const { number } of run) found.set(number, fault);
      return;
    }
    for (let from = 0; from < run.length; ) {
      let to = from + 1;
      while (to < run.length && run[to]!.block === run[from]!.block) to += 1;
      await readRun(volume, run.slice(from, to), found, signal);
      from = to;
    }
    return;
  }
  const { inodeSize } = layout.superblock;
  for (const { number, block, offset } of run) {
    const at = (block - first) * blockSize + offset;
    try {
      found.set(number, decodeInode(layout, number, bytes.subarray(at, at + inodeSize)));
    } catch (error) {
      found.set(number, faultOfOne(error));
    }
  }
}
