import { createHash, type Hash } from 'node:crypto';
import { equalBytes, fromHex, hasCode, MiB, NsError, toHex } from '../base/index.ts';
import type { BlockDevice, StateStore } from '../ports/index.ts';
import type { Effect, EffectRun } from './effect.ts';
import {
  AHEAD_SIZE,
  type AheadRecord,
  BODY_AT,
  COMMIT_SIZE,
  type Commit,
  decodeAhead,
  decodeCommit,
  decodeRecord,
  encodeAhead,
  encodeCommit,
  encodeRecord,
  LONGEST_RECORD,
  RECORD_HEADER,
  type RedoRecord,
  recordSize,
  sectorChecksums,
  sizeFromHeader,
} from './redo-format.ts';

/** Regions of own storage with this prefix are redo logs, one for each disk. */
export const REDO_PREFIX = 'redo.';
/** Staged files with this prefix hold changes being prepared, and are worthless after a restart. */
export const SPILL_PREFIX = 'spill.';
/** Enough for the metadata of any change that is small enough to be applied within a hand-back. */
export const REDO_SIZE = 17 * MiB;
/** Where own storage has no room for that: enough for a change of some files, and larger ones are refused. */
export const SMALL_REDO_SIZE = 4 * MiB;

type Stretch = Pick<EffectRun, 'offset' | 'length'>;

/** Where a change belongs. */
export interface RedoTarget {
  readonly disk: string;
  readonly volume: string;
  /** Bytes from the start of the disk. */
  readonly volumeStart: number;
  readonly volumeLength: number;
}

/** Opens the log of a disk, made where there is none: small where there is no room for more. One that is there keeps its size. */
export async function openRedoLog(store: StateStore, disk: string, size?: number): Promise<RedoLog> {
  const open = async (bytes: number) => new RedoLog(await store.region(`${REDO_PREFIX}${disk}`, bytes));
  if (size !== undefined) return open(size);
  try {
    return await open(REDO_SIZE);
  } catch (error) {
    if (!hasCode(error, 'NS_STATE_FULL') && !hasCode(error, 'NS_STATE_SIZE')) throw error;
    return open(SMALL_REDO_SIZE);
  }
}

/**
 * A change on its way to a disk, kept on our own storage until it is wholly there. The order of use is write, commit,
 * apply, clear; until commit has returned the disk is untouched, and from then on the change will be made, now or by
 * the recovery at the next start.
 */
export class RedoLog {
  readonly #region: BlockDevice;

  constructor(region: BlockDevice) {
    this.#region = region;
  }

  /** Does a log body for these runs fit, with what it says of those that were written ahead? */
  fits(runs: readonly Stretch[], ahead: readonly Stretch[] = []): boolean {
    let size = BODY_AT + ahead.length * AHEAD_SIZE;
    for (const { length } of runs) {
      const whole = Math.floor(length / LONGEST_RECORD);
      size += whole * recordSize(LONGEST_RECORD);
      if (length % LONGEST_RECORD !== 0) size += recordSize(length % LONGEST_RECORD);
    }
    return size <= this.#region.capabilities.size;
  }

  /** The change that is committed and not yet known to be on the disk. */
  async pending(): Promise<Commit | undefined> {
    const sector = new Uint8Array(COMMIT_SIZE);
    await this.#region.read(0, sector);
    return decodeCommit(sector);
  }

  /**
   * Writes the new content of these runs and what the volume holds there now, and makes it durable. Nothing is
   * committed by this. `ahead`: runs that are on the volume already. Throws NS_REDO_PENDING where an earlier change is still committed.
   */
  async write(
    target: RedoTarget,
    effect: Effect,
    runs: readonly Stretch[],
    volume: BlockDevice,
    signal: AbortSignal,
    ahead: readonly AheadRecord[] = [],
  ): Promise<Commit> {
    if ((await this.pending()) !== undefined) throw stillPending(target.disk);
    const hash = createHash('sha256');
    let at = BODY_AT;
    for (const run of ahead) {
      const record = encodeAhead(run);
      await this.#region.write(at, record, signal);
      hash.update(record);
      at += record.byteLength;
    }
    for (const run of runs) {
      for (let done = 0; done < run.length; done += LONGEST_RECORD) {
        const offset = run.offset + done;
        const content = new Uint8Array(Math.min(LONGEST_RECORD, run.length - done));
        const before = new Uint8Array(content.byteLength);
        await effect.read(offset, content, signal);
        await volume.read(offset, before, signal);
        const record = encodeRecord({ offset, content, before: sectorChecksums(before) });
        await this.#region.write(at, record, signal);
        hash.update(record);
        at += record.byteLength;
      }
    }
    await this.#region.flush(signal);
    const commit: Commit = {
      ...target,
      bodyLength: at - BODY_AT,
      bodyHash: hash.digest(),
      effectHash: fromHex(effect.hash),
    };
    if (encodeCommit(commit) === undefined) {
      throw new NsError('NS_REDO_NAME', `the name of ${target.volume} is too long`, { family: 'caller' });
    }
    return commit;
  }

  /** The point of no return. Takes what `write` gave back; not stopped by any signal. */
  async commit(commit: Commit): Promise<void> {
    const sector = encodeCommit(commit);
    if (sector === undefined) throw new NsError('NS_INTERNAL', 'a commit with a bad name', { family: 'bug' });
    await this.#region.write(0, sector);
    await this.#region.flush();
  }

  /** Puts the committed content on the volume and flushes it. May be done again any number of times. */
  async apply(commit: Commit, volume: BlockDevice): Promise<void> {
    for await (const record of this.records(commit)) await volume.write(record.offset, record.content);
    await volume.flush();
  }

  /** Durable on return: the change is on the disk, or given up. */
  async clear(): Promise<void> {
    await this.#region.write(0, new Uint8Array(COMMIT_SIZE));
    await this.#region.flush();
  }

  /** The records of a committed body. Throws NS_REDO_DAMAGED where one is not what was written. */
  async *records(commit: Commit, hash?: Hash): AsyncGenerator<RedoRecord> {
    for await (const record of this.#entries(commit, hash)) if ('content' in record) yield record;
  }

  /** What was written to the volume ahead of the commit. Throws as `records`. */
  async *ahead(commit: Commit): AsyncGenerator<AheadRecord> {
    for await (const record of this.#entries(commit)) if ('digest' in record) yield record;
  }

  async *#entries(commit: Commit, hash?: Hash): AsyncGenerator<RedoRecord | AheadRecord> {
    const end = BODY_AT + commit.bodyLength;
    const header = new Uint8Array(RECORD_HEADER);
    for (let at = BODY_AT; at < end; ) {
      if (end > this.#region.capabilities.size || end - at < RECORD_HEADER) throw damaged(commit);
      await this.#region.read(at, header);
      const size = sizeFromHeader(header);
      if (size === undefined || at + size > end) throw damaged(commit);
      const bytes = new Uint8Array(size);
      await this.#region.read(at, bytes);
      const record = decodeRecord(bytes) ?? decodeAhead(bytes);
      if (record === undefined) throw damaged(commit);
      const length = 'content' in record ? record.content.byteLength : record.length;
      if (record.offset + length > commit.volumeLength) throw damaged(commit);
      hash?.update(bytes);
      yield record;
      at += size;
    }
  }

  /** Reads the whole body; throws NS_REDO_DAMAGED unless it is the one that was committed. */
  async verify(commit: Commit): Promise<void> {
    const hash = createHash('sha256');
    for await (const _record of this.records(commit, hash)) void _record;
    if (!equalBytes(hash.digest(), commit.bodyHash)) throw damaged(commit);
  }

  async close(): Promise<void> {
    await this.#region.close();
  }
}

export function stillPending(disk: string): NsError {
  return new NsError('NS_REDO_PENDING', `an earlier change to ${disk} is committed and not yet on it`);
}

function damaged(commit: Commit): NsError {
  return new NsError(
    'NS_REDO_DAMAGED',
    `the redo log of ${commit.disk} (effect ${toHex(commit.effectHash)}) is not as it was committed`,
  );
}
