import { sentenceOf } from '../../base/index.ts';
import { AtaFault, type SectorRange } from '../target.ts';
import type { ArrayCore } from './array-core.ts';
import type { MappingRegister, MirrorSet } from './array-table.ts';
import { overlaps, rawOffset } from './mapping.ts';
import { settleCopies } from './settle-copies.ts';
import { markReadable } from './table-changes.ts';

/** A write or trim of one range: what to send to a unit, given how far its raw LBAs are from the array's. */
export type Send = (rawBy: number, fua: boolean, signal: AbortSignal | undefined) => Promise<void>;

export interface WriteOptions {
  readonly fua: boolean;
  /** A unit that cannot do it at all (ABRT) is none the worse for it, and nothing is readable that was not. */
  readonly advisory: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a change on every unit that holds the range, which lies in one stretch. On return every unit that still
 * counts has it: one that failed is durably out, so that nothing is ever read from it again. A fault means that no
 * unit can be said to have it.
 */
export async function writeCopies(
  core: ArrayCore,
  range: SectorRange,
  send: Send,
  options: WriteOptions,
): Promise<void> {
  if (!core.lock.tryAcquire(range)) await core.lock.acquire(range, options.signal);
  try {
    await writeLocked(core, range, send, options);
  } finally {
    core.lock.release(range);
  }
}

/** The same, for one who holds the lock. `except` has the content already. */
export async function writeLocked(
  core: ArrayCore,
  range: SectorRange,
  send: Send,
  options: WriteOptions,
  except?: string,
): Promise<void> {
  const set = core.setAt(range.lba);
  const units = set.copies.filter(({ unit }) => unit !== except);
  const target = copyTarget(core, set, range);
  if (target !== undefined) units.push(target);
  const tracked = trackChange(core, set, range);
  const heals = !options.advisory && core.table.unreadable.some((one) => overlaps(one, range));
  const fua = options.fua || heals;
  const shared = set.copies.length > 1 || target !== undefined || tracked;
  const touched = shared ? core.intent.regionsOf(range) : [];
  if (touched.length > 0) {
    try {
      await core.intent.begin(touched);
    } catch (cause) {
      core.intent.end(touched);
      throw new AtaFault(
        'ABORTED',
        'own storage failed, so the write cannot be kept track of',
        undefined,
        cause,
      );
    }
  }
  try {
    await settle(core, set, units, { ...options, range, fua, send, holder: except });
    if (heals) await heal(core, range);
  } finally {
    if (touched.length > 0) {
      core.intent.end(touched);
      core.wrote();
    }
  }
}

interface Change extends WriteOptions {
  readonly range: SectorRange;
  readonly send: Send;
  /** Has the content already. */
  readonly holder: string | undefined;
}

async function settle(
  core: ArrayCore,
  set: MirrorSet,
  units: readonly MappingRegister[],
  change: Change,
): Promise<void> {
  const { range, signal } = change;
  const byName = new Map(units.map((unit) => [unit.unit, unit]));
  const by = (unit: string): number => rawOffset(set.logicalBase, byName.get(unit)!);
  if (byName.size === 0) return;
  const outcome = await settleCopies(
    [...byName.keys()],
    (unit, cut) => core.writesOf(unit).add(change.send(by(unit), change.fua, cut)),
    { scheduler: core.scheduler, lag: core.limits.writeLag, signal, hurry: change.holder !== undefined },
  );
  const { bad } = outcome;
  if (bad.size === 0) return;
  const good = [...outcome.good, ...(change.holder === undefined ? [] : [change.holder])];
  const faults = [...bad].filter(
    ([, error]) => !(change.advisory && error instanceof AtaFault && error.kind === 'ABORTED'),
  );
  if (faults.length === 0 && good.length > 0) return;
  const [unit, error] = faults[0] ?? [...bad][0]!;
  const fault = asHostFault(error, -by(unit));
  const stands = () => good.some((name) => core.isLive(name));
  if (signal?.aborted === true || !stands()) {
    core.mayDiffer(range);
    throw fault;
  }
  for (const [name, why] of faults) {
    core.health(name).writeFaults += 1;
    try {
      await putOut(core, name, sentenceOf(why));
    } catch (cause) {
      core.mayDiffer(range);
      throw cause;
    }
  }
  if (stands()) return;
  // What was written well went out of the array meanwhile.
  core.mayDiffer(range);
  throw fault;
}

/** Fails a unit durably; faults where own storage cannot keep that. */
export async function putOut(core: ArrayCore, unit: string, why: string): Promise<void> {
  try {
    await core.fail(unit, why);
  } catch (cause) {
    throw new AtaFault(
      'ABORTED',
      'own storage failed, so a failed drive cannot be put out',
      undefined,
      cause,
    );
  }
}

/** Lost sectors that were written anew, durably, may be read again. */
async function heal(core: ArrayCore, range: SectorRange): Promise<void> {
  try {
    await core.change((table) => markReadable(table, range));
  } catch (cause) {
    throw new AtaFault('ABORTED', 'own storage failed, so lost sectors stay lost', range.lba, cause);
  }
}

/** The unit that a copy is being made onto, where it must have the write too. */
function copyTarget(core: ArrayCore, set: MirrorSet, range: SectorRange): MappingRegister | undefined {
  const progress = core.progressOn(set);
  // A range across the cursor goes there whole: above it, it will be copied over with the same.
  if (progress?.mode !== 'both' || range.lba >= progress.cursor) return undefined;
  return core.register(progress.order.target);
}

function trackChange(core: ArrayCore, set: MirrorSet, range: SectorRange): boolean {
  const progress = core.progressOn(set);
  if (progress?.mode !== 'track' || range.lba >= progress.cursor) return false;
  for (const region of core.intent.regionsOf(range)) progress.changed.add(region);
  return true;
}

/** The fault with its LBA in the array's numbering; anything else that was thrown is a link that failed. */
export function asHostFault(error: unknown, by: number): AtaFault {
  if (error instanceof AtaFault) return error.shifted(by);
  return new AtaFault('LINK', sentenceOf(error), undefined, error);
}
