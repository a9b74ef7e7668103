import { allow, refuse, type Verdict } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import { type Effect, type EffectRun, LONGEST_RUN } from './effect.ts';
import type { IsFree } from './free-blocks.ts';
import { type RedoLog, type RedoTarget, stillPending } from './redo-log.ts';

export interface CommitRequest {
  readonly target: RedoTarget;
  readonly volume: BlockDevice;
  readonly effect: Effect;
  readonly log: RedoLog;
  /** Free space of the volume as it is now; undefined where that cannot be told, and all goes through the log. */
  readonly isFree: IsFree | undefined;
  /** Power and custody, looked at again; called before the first byte goes to the disk and before the commit record. */
  readonly beforeCommit: (effect: Effect) => Promise<Verdict<void>>;
  /** Runs the commit and what must follow it, as one thing that a hand-back waits for. */
  readonly critical?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  readonly signal: AbortSignal;
}

/** How many bytes went which way. */
export interface CommitReport {
  /** Written to free space before the change was committed. */
  readonly ahead: number;
  /** Written through the redo log. */
  readonly logged: number;
}

/**
 * Makes an effect on the disk, wholly or not at all. Content for blocks that are free is written to the disk first:
 * the filesystem as it stands cannot see it. Only the rest, small, goes through the redo log, so that the time between
 * the commit and the end of the change stays within a hand-back whatever the size of the files. The signal stops it
 * up to the commit; after that it runs to its end.
 */
export async function commitEffect(request: CommitRequest): Promise<Verdict<CommitReport>> {
  const { target, volume, effect, log, signal } = request;
  const { ahead, logged } = await split(effect, request.isFree);
  if (!log.fits(logged)) {
    return refuse(
      'EFFECT_TOO_LARGE',
      `The change rewrites ${total(logged)} bytes that are in use, more than the redo log holds.`,
    );
  }
  if ((await log.pending()) !== undefined) throw stillPending(target.disk);

  const before = await request.beforeCommit(effect);
  if (!before.ok) return before;
  for (const run of ahead) {
    const content = new Uint8Array(run.length);
    await effect.read(run.offset, content, signal);
    await volume.write(run.offset, content, signal);
  }
  if (ahead.length > 0) await volume.flush(signal);
  if (logged.length === 0) return allow({ ahead: total(ahead), logged: 0 });
  const commit = await log.write(target, effect, logged, volume, signal);

  const still = await request.beforeCommit(effect);
  if (!still.ok) return still;
  const critical = request.critical ?? ((work) => work());
  await critical(async () => {
    signal.throwIfAborted();
    await log.commit(commit);
    await log.apply(commit, volume);
    await log.clear();
  });
  return allow({ ahead: total(ahead), logged: total(logged) });
}

async function split(
  effect: Effect,
  isFree: IsFree | undefined,
): Promise<{ ahead: EffectRun[]; logged: EffectRun[] }> {
  if (isFree === undefined) return { ahead: [], logged: [...effect.runs] };
  const ahead: { offset: number; length: number }[] = [];
  const logged: { offset: number; length: number }[] = [];
  for (const run of effect.runs) {
    for (let done = 0; done < run.length; done += effect.blockSize) {
      const offset = run.offset + done;
      const length = Math.min(effect.blockSize, run.length - done);
      const side = (await isFree(offset, length)) ? ahead : logged;
      const last = side.at(-1);
      if (last !== undefined && last.offset + last.length === offset && last.length + length <= LONGEST_RUN) {
        last.length += length;
      } else side.push({ offset, length });
    }
  }
  return { ahead, logged };
}

function total(runs: readonly EffectRun[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}
