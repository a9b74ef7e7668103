import { sentenceOf } from '../../base/index.ts';
import { AtaFault, type Lba, type SectorRange } from '../target.ts';
import type { ArrayCore } from './array-core.ts';
import { MOST_UNREADABLE, setsOf } from './array-table.ts';
import type { CopyProgress } from './copy-progress.ts';
import { rawOffset } from './mapping.ts';
import { equalize, readInto, takeCopies } from './mirror-read.ts';
import { within } from './settle-copies.ts';
import { markUnreadable } from './table-changes.ts';

/**
 * Copies one piece onto the copy's target while nothing writes to it. Sectors that no live unit gives become
 * unreadable in the table, durably, before the target can count as holding the piece. A target that fails is out and
 * the copy with it. Throws where the source does not answer: the piece is as it was.
 */
export async function copyPiece(core: ArrayCore, progress: CopyProgress, range: SectorRange): Promise<void> {
  await core.lock.acquire(range);
  try {
    const target = core.register(progress.order.target);
    if (core.progress !== progress || target === undefined) return;
    const data = new Uint8Array(range.count * core.sectorSize);
    const lost = await readAround(core, range, data);
    if (lost.length > 0) await giveUp(core, lost);
    const by = rawOffset(progress.order.logicalBase, target);
    const limit = core.limits.writeLag;
    const { scheduler } = core;
    try {
      await within((cut) => core.chain.target.write(range.lba + by, data, false, cut), {
        scheduler,
        limit,
        signal: undefined,
      });
    } catch (error) {
      await core.fail(target.unit, sentenceOf(error));
      core.say({ kind: 'copy-dropped', target: target.unit });
      return;
    }
    const end = range.lba + range.count;
    if (range.lba <= progress.cursor && end > progress.cursor) progress.cursor = end;
  } finally {
    core.lock.release(range);
  }
}

/** Reads all that can be read; the rest is zeros, and named in what is returned. */
async function readAround(core: ArrayCore, range: SectorRange, data: Uint8Array): Promise<SectorRange[]> {
  const lost: SectorRange[] = [];
  const end = range.lba + range.count;
  const take = readInto(core, range.lba, data);
  for (let lba = range.lba; lba < end; ) {
    let bad = await firstBad(core, { lba, count: end - lba }, take);
    if (bad === undefined) break;
    // What lies before it was not read with the rest, and may turn out bad only now.
    for (let next: Lba | undefined = bad; next !== undefined && next > lba; ) {
      next = await firstBad(core, { lba, count: next - lba }, take);
      bad = next ?? bad;
    }
    const last = lost.at(-1);
    if (last !== undefined && last.lba + last.count === bad) {
      lost[lost.length - 1] = { lba: last.lba, count: last.count + 1 };
    } else lost.push({ lba: bad, count: 1 });
    lba = bad + 1;
  }
  return lost;
}

/** The first sector that no live unit gives, or undefined where all were read. */
async function firstBad(
  core: ArrayCore,
  range: SectorRange,
  take: ReturnType<typeof readInto>,
): Promise<Lba | undefined> {
  try {
    await within(
      async (cut) => {
        await takeCopies(core, range, take, cut);
      },
      { scheduler: core.scheduler, limit: core.limits.readLag, signal: undefined },
    );
    return undefined;
  } catch (error) {
    const at = error instanceof AtaFault && error.kind === 'MEDIUM' ? error.lba : undefined;
    if (at === undefined || at < range.lba || at >= range.lba + range.count) throw error;
    return at;
  }
}

async function giveUp(core: ArrayCore, lost: readonly SectorRange[]): Promise<void> {
  let room = true;
  await core.change((table) => {
    let next = table;
    for (const range of lost) {
      const marked = markUnreadable(next, range);
      if (marked === undefined) {
        room = false;
        return table;
      }
      next = marked;
    }
    return next;
  });
  if (!room)
    throw new AtaFault('MEDIUM', `more than ${MOST_UNREADABLE} stretches of the source are unreadable`);
  core.say({ kind: 'sectors-unreadable', ranges: lost });
}

/** Makes live copies equal over a range; sectors that none of them gives are left out. */
export async function equalizeAround(core: ArrayCore, range: SectorRange): Promise<void> {
  const end = range.lba + range.count;
  for (let lba = range.lba; lba < end; ) {
    try {
      await equalize(core, { lba, count: end - lba }, undefined);
      return;
    } catch (error) {
      const at = error instanceof AtaFault && error.kind === 'MEDIUM' ? error.lba : undefined;
      if (at === undefined || at < lba || at >= end) throw error;
      if (at > lba) await equalize(core, { lba, count: at - lba }, undefined);
      lba = at + 1;
    }
  }
}

/** The parts of a region that lie in stretches with more than one live copy. */
export function mirroredParts(core: ArrayCore, region: number): SectorRange[] {
  return setsOf(core.table)
    .filter(({ copies }) => copies.length > 1)
    .flatMap((set) => partOf(core, region, set));
}

/** The part of a region that lies in a stretch: none or one. */
export function partOf(
  core: ArrayCore,
  region: number,
  stretch: { readonly logicalBase: Lba; readonly length: number },
): SectorRange[] {
  const size = core.intent.regionSectors;
  const lba = Math.max(region * size, stretch.logicalBase);
  const end = Math.min((region + 1) * size, stretch.logicalBase + stretch.length);
  return end > lba ? [{ lba, count: end - lba }] : [];
}
