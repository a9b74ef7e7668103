import { allow, equalBytes, NsError, refuse, type Verdict } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import { type Effect, type EffectRun, LONGEST_RUN } from './effect.ts';
import { type RedoLog, type RedoTarget, stillPending } from './redo-log.ts';
import { sha256 } from './sha256.ts';

/** What a change is about: these come in this order, of those that it needs. */
export type ChangeStep = 'replay' | 'edit' | 'verify' | 'check' | 'measure' | 'ahead' | 'log' | 'commit';

export interface CommitRequest {
  readonly target: RedoTarget;
  readonly volume: BlockDevice;
  readonly effect: Effect;
  readonly log: RedoLog;
  /** Power and custody, looked at again; called before the first byte goes to the disk and before the commit record. */
  readonly beforeCommit: (effect: Effect) => Promise<Verdict<void>>;
  /** Runs the commit and what must follow it, as one thing that a hand-back waits for. */
  readonly critical?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  readonly signal: AbortSignal;
  readonly onStep?: ((step: ChangeStep) => void) | undefined;
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
  const ahead = effect.runs.filter(({ free }) => free);
  const logged = effect.runs.filter(({ free }) => !free);
  if (!log.fits(logged, ahead)) {
    return refuse(
      'EFFECT_TOO_LARGE',
      `The change rewrites ${total(logged)} bytes that are in use, more than the redo log holds.`,
    );
  }
  if ((await log.pending()) !== undefined) throw stillPending(target.disk);

  const before = await request.beforeCommit(effect);
  if (!before.ok) return before;
  if (ahead.length > 0) {
    request.onStep?.('ahead');
    await copyRuns(effect, ahead, volume, signal);
  }
  if (logged.length === 0) return allow({ ahead: total(ahead), logged: 0 });
  request.onStep?.('log');
  const commit = await log.write(target, effect, logged, volume, signal, ahead);

  const still = await request.beforeCommit(effect);
  if (!still.ok) return still;
  const critical = request.critical ?? ((work) => work());
  await critical(async () => {
    signal.throwIfAborted();
    request.onStep?.('commit');
    await log.commit(commit);
    await log.apply(commit, volume);
    await log.clear();
  });
  return allow({ ahead: total(ahead), logged: total(logged) });
}

/** Runs on their way at once. */
const SLOTS = 3;

/**
 * Brings runs of an effect to free blocks of the volume, one after another, the next ones being read meanwhile. Each is
 * hashed once more on its way, so that what goes to the disk is what was measured and approved. Throws NS_CONTENT_CHANGED
 * where it is something else; nothing is under way any more when this ends, however it ends.
 */
async function copyRuns(
  effect: Effect,
  runs: readonly EffectRun[],
  volume: BlockDevice,
  signal: AbortSignal,
): Promise<void> {
  const buffers = Array.from({ length: SLOTS }, () => new Uint8Array(LONGEST_RUN));
  const written: Promise<void>[] = [];
  const write = async (run: EffectRun, content: Uint8Array, before: Promise<void> | undefined) => {
    const digest = sha256(content);
    await before;
    if (!equalBytes(await digest, run.digest)) {
      throw new NsError('NS_CONTENT_CHANGED', 'what was to be written is no longer what was measured');
    }
    await volume.write(run.offset, content, signal);
  };
  try {
    for (const [turn, run] of runs.entries()) {
      if (written.length === SLOTS) await written.shift();
      const content = buffers[turn % SLOTS]!.subarray(0, run.length);
      await effect.read(run.offset, content, signal);
      const done = write(run, content, written.at(-1));
      // Whoever waits for it is told; until then a failure is no accident.
      done.catch(() => {});
      written.push(done);
    }
    await written.at(-1);
  } finally {
    await Promise.allSettled(written);
  }
  await volume.flush(signal);
}

function total(runs: readonly EffectRun[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}
