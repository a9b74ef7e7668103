import { asNsError, crc32c, equalBytes, NsError, toHex } from '../base/index.ts';
import type { BlockDevice, StateStore } from '../ports/index.ts';
import { boundedDevice } from './bounded-device.ts';
import type { Commit, RedoRecord } from './redo-format.ts';
import { SECTOR } from './redo-format.ts';
import { openRedoLog, REDO_PREFIX, type RedoLog, SPILL_PREFIX } from './redo-log.ts';
import { sha256 } from './sha256.ts';

/** What became of a disk's redo log at start. */
export type Recovery =
  /** Nothing was committed: the disk is as it was before any change that was cut off. */
  | { readonly is: 'clean'; readonly disk: string }
  /** A committed change was made, wholly. */
  | {
      readonly is: 'applied';
      readonly disk: string;
      readonly volume: string;
      readonly effectHash: string;
    }
  /** A committed change was not made, and the log is kept: the disk must not be written until someone decides. */
  | {
      readonly is: 'kept';
      readonly disk: string;
      readonly volume: string;
      readonly effectHash: string;
      readonly reason: string;
    };

/** A whole disk, writable; `critical` keeps it ours while the change is made, where something may want it back. */
export interface RecoveryDisk {
  readonly device: BlockDevice;
  critical?<T>(work: () => Promise<T>): Promise<T>;
}

type OpenDisk = (disk: string) => Promise<BlockDevice | RecoveryDisk | undefined>;

/** Codes that say that this change cannot be finished now. Others (own storage, the power) end the start. */
const KEEPS = ['NS_REDO_DAMAGED', 'NS_BLOCK_IO', 'NS_LEASE_ENDED'] as const;

/**
 * To be done at start, before anything else touches a disk. `openDisk` gives the whole disk, writable, or undefined
 * where it is not ours to write now. A log is applied only where every sector that it would change holds either what
 * was there when it was written or what it is to become (in both cases including the superblock with its UUID): a disk
 * that was exchanged, or that its host has written since, is left alone. So is one that no longer holds what was written
 * to its free space ahead of the commit: its host may have used that, and given it back. Safe to be cut off and done again.
 */
export async function recoverRedoLogs(
  store: StateStore,
  openDisk: OpenDisk,
  size?: number,
): Promise<readonly Recovery[]> {
  for (const name of await store.names(SPILL_PREFIX)) await store.remove(name);
  const found: Recovery[] = [];
  for (const name of await store.names(REDO_PREFIX)) {
    const disk = name.slice(REDO_PREFIX.length);
    const log = await openRedoLog(store, disk, size);
    try {
      const commit = await log.pending();
      found.push(commit === undefined ? { is: 'clean', disk } : await finish(log, disk, commit, openDisk));
    } finally {
      await log.close();
    }
  }
  return found;
}

/** Gives up a kept change for good: what a person decides who has looked at the disk. */
export async function discardRedoLog(store: StateStore, disk: string, size?: number): Promise<void> {
  const log = await openRedoLog(store, disk, size);
  try {
    await log.clear();
  } finally {
    await log.close();
  }
}

async function finish(log: RedoLog, disk: string, commit: Commit, openDisk: OpenDisk): Promise<Recovery> {
  const about = { disk, volume: commit.volume, effectHash: toHex(commit.effectHash) };
  const kept = (reason: string): Recovery => ({ is: 'kept', ...about, reason });
  if (commit.disk !== disk) return kept(`the log was written for ${commit.disk}`);
  try {
    await log.verify(commit);
    const opened = await openDisk(disk);
    if (opened === undefined) return kept('the disk is not ours to write now');
    const found: RecoveryDisk = 'device' in opened ? opened : { device: opened };
    const { device } = found;
    const { volumeStart, volumeLength, volume: name } = commit;
    if (volumeStart + volumeLength > device.capabilities.size) return kept('the disk is smaller than it was');
    const volume = boundedDevice(device, volumeStart, volumeLength, name);
    if (!(await isSameDisk(log, commit, volume))) {
      return kept('the disk was exchanged or written by someone else since');
    }
    if (!(await holdsAhead(log, commit, volume))) {
      return kept('what was written ahead of it is no longer on the disk');
    }
    const make = async (): Promise<void> => {
      await log.apply(commit, volume);
      await log.clear();
    };
    await (found.critical === undefined ? make() : found.critical(make));
    return { is: 'applied', ...about };
  } catch (error) {
    const failed = asNsError(error);
    if (KEEPS.some((code) => failed.code === code)) return kept(failed.message);
    throw failed;
  }
}

async function isSameDisk(log: RedoLog, commit: Commit, volume: BlockDevice): Promise<boolean> {
  let recognised = 0;
  for await (const record of log.records(commit)) {
    const now = new Uint8Array(record.content.byteLength);
    try {
      await volume.read(record.offset, now);
    } catch (error) {
      // A sector that was being written when the power went may not be readable until it is written again.
      if (error instanceof NsError && error.code === 'NS_BLOCK_IO') continue;
      throw error;
    }
    if (!everySectorIsKnown(record, now)) return false;
    recognised += 1;
  }
  return recognised > 0;
}

async function holdsAhead(log: RedoLog, commit: Commit, volume: BlockDevice): Promise<boolean> {
  for await (const { offset, length, digest } of log.ahead(commit)) {
    const now = new Uint8Array(length);
    await volume.read(offset, now);
    if (!equalBytes(await sha256(now), digest)) return false;
  }
  return true;
}

function everySectorIsKnown(record: RedoRecord, now: Uint8Array): boolean {
  return record.before.every((before, i) => {
    const sector = now.subarray(i * SECTOR, (i + 1) * SECTOR);
    const after = record.content.subarray(i * SECTOR, (i + 1) * SECTOR);
    return equalBytes(sector, after) || crc32c(sector) === before;
  });
}
