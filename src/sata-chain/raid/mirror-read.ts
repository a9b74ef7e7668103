import { sentenceOf } from '../../base/index.ts';
import { AtaFault, type Lba, type SectorRange } from '../target.ts';
import type { ArrayCore } from './array-core.ts';
import type { MappingRegister } from './array-table.ts';
import { rawOffset } from './mapping.ts';
import { asHostFault, type Send, writeLocked } from './mirror-write.ts';
import { within } from './settle-copies.ts';

/** More turns than this between copies that both have bad sectors, and the command is given up. */
const MOST_TURNS = 64;
const NO_ANSWER_COUNTS = 8;

/**
 * What to do with one unit's sectors: read them into a buffer, or verify them. LBAs are raw. With `apart` the command
 * may be given up before it ends, so that nothing it does later may reach the host's buffer.
 */
export type Take = (
  rawLba: Lba,
  range: SectorRange,
  signal: AbortSignal | undefined,
  apart: boolean,
) => Promise<void>;

/**
 * Takes a range, which lies in one stretch, from the data role, and what that cannot give from its mirror. Faults at
 * the first sector that no copy gives. Returns the unit that gave all of it, or undefined where several did.
 */
export async function takeCopies(
  core: ArrayCore,
  range: SectorRange,
  take: Take,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const lost = core.firstUnreadable(range);
  const end = lost ?? range.lba + range.count;
  const givers = new Set<string>();
  let lba = range.lba;
  for (let turn = 0; lba < end; turn += 1) {
    const { until, unit } = await takeFromOne(core, { lba, count: end - lba }, take, signal, turn);
    givers.add(unit);
    lba = until;
  }
  if (lost !== undefined) throw new AtaFault('MEDIUM', 'a sector that was lost with its drive', lost);
  return givers.size === 1 ? [...givers][0] : undefined;
}

/** The whole rest from one copy, or else as far as the best of them goes. */
async function takeFromOne(
  core: ArrayCore,
  rest: SectorRange,
  take: Take,
  signal: AbortSignal | undefined,
  turn: number,
): Promise<{ until: Lba; unit: string }> {
  const end = rest.lba + rest.count;
  const set = core.setAt(rest.lba);
  let furthest: { until: Lba; copy: MappingRegister } | undefined;
  let reported: AtaFault | undefined;
  for (const copy of set.copies) {
    const by = rawOffset(set.logicalBase, copy);
    const fault = await attempt(core, copy, {
      alone: set.copies.length === 1,
      by,
      range: rest,
      take,
      signal,
    });
    if (fault === undefined) return { until: end, unit: copy.unit };
    if (signal?.aborted === true) throw fault;
    const at = fault.kind === 'MEDIUM' ? fault.lba : undefined;
    if (at !== undefined && at > (furthest?.until ?? rest.lba) && at < end) furthest = { until: at, copy };
    if (reported === undefined || at !== undefined) reported = fault;
  }
  if (furthest === undefined || set.copies.length < 2 || turn >= MOST_TURNS) throw reported!;
  const by = rawOffset(set.logicalBase, furthest.copy);
  const range = { lba: rest.lba, count: furthest.until - rest.lba };
  const fault = await attempt(core, furthest.copy, { alone: false, by, range, take, signal });
  if (fault !== undefined) throw fault;
  return { until: furthest.until, unit: furthest.copy.unit };
}

interface Attempt {
  /** There is no other copy to turn to, so it may take as long as it takes. */
  readonly alone: boolean;
  readonly by: number;
  readonly range: SectorRange;
  readonly take: Take;
  readonly signal: AbortSignal | undefined;
}

async function attempt(core: ArrayCore, copy: MappingRegister, what: Attempt): Promise<AtaFault | undefined> {
  const { range, by, signal } = what;
  const take = (cut: AbortSignal | undefined) => what.take(range.lba + by, range, cut, !what.alone);
  try {
    if (what.alone) await take(signal);
    else await within(take, { scheduler: core.scheduler, limit: core.limits.readLag, signal });
    return undefined;
  } catch (error) {
    const fault = asHostFault(error, -by);
    if (signal?.aborted !== true) await count(core, copy.unit, range, fault);
    return fault;
  }
}

async function count(core: ArrayCore, unit: string, range: SectorRange, fault: AtaFault): Promise<void> {
  const health = core.health(unit);
  health.readFaults += fault.kind === 'MEDIUM' ? 1 : NO_ANSWER_COUNTS;
  core.say({ kind: 'read-fault', unit, range, why: sentenceOf(fault) });
  if (core.setAt(range.lba).copies.length < 2) return;
  if (health.readFaults < core.limits.readFaults) {
    if (fault.kind === 'MEDIUM') core.repair(range);
    return;
  }
  try {
    await core.fail(unit, 'too many read faults');
  } catch {
    // Own storage failed, which was said; a read does not depend on it.
  }
}

/**
 * Reads a range and makes every live copy hold what was read before anyone sees it. For ranges in which copies may
 * differ: whatever is shown once stays.
 */
export async function equalize(
  core: ArrayCore,
  range: SectorRange,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (!core.lock.tryAcquire(range)) await core.lock.acquire(range, signal);
  try {
    const data = new Uint8Array(range.count * core.sectorSize);
    const giver = await takeCopies(core, range, readInto(core, range.lba, data), signal);
    if (core.setAt(range.lba).copies.length > 1) {
      const send: Send = (by, fua, cut) => core.chain.target.write(range.lba + by, data, fua, cut);
      // Durable, or a second loss of power could show the other content after all.
      await writeLocked(core, range, send, { fua: true, advisory: false, signal }, giver);
    }
    return data;
  } finally {
    core.lock.release(range);
  }
}

/** Reads into the buffer's place for the range; `from` is the LBA of its first byte. */
export function readInto(core: ArrayCore, from: Lba, data: Uint8Array): Take {
  return async (rawLba, { lba, count }, signal, apart) => {
    const at = (lba - from) * core.sectorSize;
    const into = data.subarray(at, at + count * core.sectorSize);
    if (!apart) return core.chain.target.read(rawLba, into, signal);
    const own = new Uint8Array(into.byteLength);
    await core.chain.target.read(rawLba, own, signal);
    signal?.throwIfAborted();
    into.set(own);
  };
}
