import { allow, fromHex, NsError, toHex, type Verdict } from '../../base/index.ts';
import type { VolumeEdit } from '../../ports/index.ts';
import type { EffectNote } from '../../protocol/index.ts';
import { changeVolume } from '../../storage/index.ts';
import type { EffectFacts, TaskContext } from '../task.ts';
import { breather } from './give-way.ts';
import type { VolumeAccess } from './volume-access.ts';

export interface ChangeRequest {
  readonly edits: readonly VolumeEdit[];
  readonly changes: EffectNote['changes'];
  readonly dryRun: boolean;
  readonly replay: boolean;
  /** The effect that a person approved. */
  readonly approved: Uint8Array | undefined;
  /** Whole seconds; the only time that gets into the filesystem. */
  readonly time: number;
  /** What to look for on the volume after a restart. */
  readonly facts: EffectFacts;
}

/** Measures a change and, unless it is a dry run, makes it: the one effect of a file task. */
export async function commitChange(
  context: TaskContext,
  access: VolumeAccess,
  request: ChangeRequest,
): Promise<Verdict<EffectNote>> {
  const { services } = context;
  const { lease, target, signal } = access;
  const change = {
    disk: target.disk,
    volumeName: target.name,
    volume: access.device,
    volumeStart: target.start,
    type: target.type,
    edits: request.edits,
    editor: services.editor,
    store: services.store,
    replay: request.replay,
    time: request.time,
    signal,
    approvedEffect: request.approved === undefined ? undefined : toHex(request.approved),
  };
  const breathe = breather(services.clock);
  context.progress('preparing', 0, 1);
  let ended: ((went: 'done' | 'absent') => Promise<void>) | undefined;
  let committing = false;
  const changing = changeVolume({
    ...change,
    dryRun: request.dryRun,
    breathe: () => breathe(signal),
    critical: (work) =>
      lease.critical(() => {
        committing = !signal.aborted;
        return work();
      }),
    beforeCommit: async ({ hash, before, blocks, bytes }) => {
      ended ??= await context.begin({ ...request.facts, effect: hash, before, blocks, bytes });
      context.progress('committing', 0, 1);
      return lease.confirm();
    },
  });
  let made: Awaited<typeof changing>;
  try {
    made = await changing;
  } catch (error) {
    // Before the commit the disk's files are as they were, whatever stopped the change: known without a look at a disk
    // that its host may have by now.
    if (!committing) await ended?.('absent');
    throw error;
  }
  await ended?.(made.ok ? 'done' : 'absent');
  if (!made.ok) return made;
  const { effectHash, beforeHash, blocks, bytes } = made.value;
  return allow({
    hash: fromHex(effectHash),
    before: fromHex(beforeHash),
    blocks,
    bytes,
    changes: [...request.changes],
  });
}

/** The effect as the intent recorded it, for an answer given after a restart. */
export function recordedEffect(facts: EffectFacts, changes: EffectNote['changes']): EffectNote {
  const { effect, before, blocks, bytes } = facts;
  if (typeof effect !== 'string' || typeof blocks !== 'number' || typeof bytes !== 'number') {
    throw new NsError('NS_JOURNAL_DAMAGED', 'an intent does not say which effect it is about', {
      family: 'peer',
    });
  }
  const former = typeof before === 'string' ? { before: fromHex(before) } : {};
  return { hash: fromHex(effect), ...former, blocks, bytes, changes };
}
