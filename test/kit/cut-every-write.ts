import { PowerRail } from './power-cut.ts';
import { type CutCase, PowerCutBench, survives } from './power-cut-bench.ts';

const SEEDS = [1, 2];

/** What a change went through. */
export interface Cuts {
  /** Power cuts made: at each write and flush of the change, and again at each of the recovery after it. */
  readonly points: number;
  /** Cuts of the change after which the volume was wholly as before, and wholly as asked. */
  readonly old: number;
  readonly new: number;
  /** All of it, to be printed. */
  readonly figures: string;
}

/**
 * Cuts the power at every write and flush of a change, and at every one of each recovery. Throws where the change
 * cannot be made without a cut, and where a cut leaves anything but the old volume or the new one, sound.
 */
export async function cutAtEveryWrite(theCase: CutCase): Promise<Cuts> {
  const bench = await PowerCutBench.make(theCase);
  await bench.reset();
  const clean = new PowerRail();
  if (!(await bench.change(clean)) || (await bench.judge()) !== 'new')
    throw new Error('without a cut the change is not made');
  const seen = { old: 0, new: 0 };
  let inRecovery = 0;
  for (let cutAt = 1; cutAt <= clean.events; cutAt += 1) {
    for (const seed of SEEDS) {
      await bench.reset();
      const rail = new PowerRail({ cutAt, seed: seed * 10_000 + cutAt });
      if (await bench.change(rail)) throw new Error(`the cut at ${cutAt} did not happen`);
      const disk = bench.disk.bytes.slice();
      const own = await bench.log();
      const ownAfterCut = own.slice();
      const start = new PowerRail();
      const [recovery] = await bench.recover(start);
      const is = await bench.judge();
      if (recovery?.is === 'kept' || (recovery?.is === 'applied' && is !== 'new')) {
        throw new Error(`cut at ${cutAt}, seed ${seed}: ${recovery.is} and ${is}`);
      }
      seen[is] += 1;
      // The power goes again during the recovery, at each of its writes, and comes back for good.
      for (let again = 1; again <= start.events; again += 1) {
        bench.disk.bytes.set(disk);
        own.set(ownAfterCut);
        const second = new PowerRail({ cutAt: again, seed: seed + cutAt * 1000 + again });
        if (await survives(() => bench.recover(second))) throw new Error('the second cut did not happen');
        await bench.recover(new PowerRail());
        const then = await bench.judge();
        if (then !== is) throw new Error(`cut at ${cutAt}, again at ${again}: ${is} became ${then}`);
        inRecovery += 1;
      }
    }
  }
  return {
    ...seen,
    points: clean.events * SEEDS.length + inRecovery,
    figures:
      `${clean.events} cut points x ${SEEDS.length} seeds (${seen.old} old, ${seen.new} new), ` +
      `${inRecovery} more in recovery, ${bench.volumesJudged} different volumes judged, 100 % whole`,
  };
}
