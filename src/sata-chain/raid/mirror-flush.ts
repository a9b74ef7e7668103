import { sentenceOf } from '../../base/index.ts';
import { AtaFault } from '../target.ts';
import type { ArrayCore } from './array-core.ts';
import type { MirrorSet } from './array-table.ts';
import { asHostFault, putOut } from './mirror-write.ts';
import { settleCopies, within } from './settle-copies.ts';

/**
 * Flushes every live unit and the target of a copy. A copy that cannot make its content durable is failed like one
 * that cannot write; faults where a stretch has no unit left that can.
 */
export async function flushAll(core: ArrayCore, signal: AbortSignal | undefined): Promise<void> {
  const mark = core.intent.flushing();
  const results = await Promise.all([
    ...core.sets.map((set) => flushSet(core, set, signal)),
    flushTarget(core, signal),
  ]);
  const fault = results.find((one) => one !== undefined);
  if (fault !== undefined) throw fault;
  core.intent.flushed(mark);
}

async function flushSet(
  core: ArrayCore,
  set: MirrorSet,
  signal: AbortSignal | undefined,
): Promise<AtaFault | undefined> {
  const units = set.copies.map(({ unit }) => unit);
  if (units.length === 0) return undefined;
  const { good, bad } = await settleCopies(units, (unit, cut) => core.chain.member(unit).flush(cut), {
    scheduler: core.scheduler,
    lag: core.limits.flushLag,
    signal,
  });
  const [first] = bad;
  if (first === undefined) return undefined;
  const fault = asHostFault(first[1], 0);
  // The LBA of a flush that failed is the drive's own and says nothing here.
  const told = new AtaFault(fault.kind, fault.sentence, undefined, fault);
  const stands = () => [...good].some((unit) => core.isLive(unit));
  if (signal?.aborted === true || !stands()) return told;
  for (const [unit, why] of bad) {
    core.health(unit).writeFaults += 1;
    await putOut(core, unit, `flush: ${sentenceOf(why)}`);
  }
  return stands() ? undefined : told;
}

async function flushTarget(core: ArrayCore, signal: AbortSignal | undefined): Promise<AtaFault | undefined> {
  const target = core.progress?.order.target;
  if (target === undefined) return undefined;
  const limit = core.limits.flushLag;
  try {
    await within((cut) => core.chain.member(target).flush(cut), { scheduler: core.scheduler, limit, signal });
    return undefined;
  } catch (why) {
    if (signal?.aborted === true) return asHostFault(why, 0);
    await putOut(core, target, `flush: ${sentenceOf(why)}`);
    return core.isLive(target) ? asHostFault(why, 0) : undefined;
  }
}
