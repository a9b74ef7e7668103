import { allow, hours, refuse, type Verdict } from '../../base/index.ts';
import type { FileSystem } from '../../ports/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { expandGlob, hasGlob, parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { breather } from './give-way.ts';
import { planDelete, REMOVALS_MAX, type Target, tooMany } from './plan-delete.ts';
import { guardedPaths } from './protect.ts';
import { checkSystem, takeShare } from './protect-system.ts';
import { readBackAbsent } from './read-back.ts';
import { findRealPlace } from './real-path.ts';
import {
  DISKS,
  inspectVolume,
  recordedVolume,
  volumeFacts,
  WRITE_LEASE,
  withVolume,
} from './volume-access.ts';

/** Names that a pattern is held against. */
const VISITED_MAX = 1_000_000;
/** What a change is made with is loaded by the first one. */
const committing = () => import('./commit-change.ts');

/** Removes files by name or pattern; a directory and all in it only where the order says so. One effect for all. */
export const fileDelete: TaskKind<'file.delete'> = {
  verb: 'file.delete',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(3),
  noProgress: WRITE_LEASE,
  async run(order, context): Promise<Verdict<ResultOf<'file.delete'>>> {
    const { args, effect } = order;
    const { services } = context;
    return withVolume(context, args, 'write', async (access) => {
      const targets = await findTargets(access.fs, args, access.signal);
      if (!targets.ok) return targets;
      const protectedPaths = await guardedPaths(access.fs, services.protectedPaths, access.signal);
      const breathe = breather(services.clock);
      const options = { recursive: args.recursive === true, protectedPaths, breathe };
      const plan = await planDelete(access.fs, targets.value, options, access.signal);
      if (!plan.ok) return plan;
      const { edits, changes } = plan.value;
      const lost = edits.map(({ path }) => path);
      const system = await checkSystem(order, access.fs, lost, access.signal);
      if (!system.ok) return system;
      const share = await takeShare(order, context, lost.length);
      if (!share.ok) return share;
      const dryRun = args.dryRun === true;
      const witness = edits.at(-1)?.path ?? '/';
      const made = await (await committing()).commitChange(context, access, {
        edits,
        changes,
        dryRun,
        replay: args.replay === true,
        approved: effect,
        time: access.lastChange,
        facts: { ...volumeFacts(access), path: witness, removed: edits.length },
      });
      if (!made.ok) return made;
      const result = { volume: access.note, removed: edits.length, effect: made.value, dryRun };
      if (dryRun) return allow(result);
      const named = targets.value.map(({ path }) => path);
      const absent = await readBackAbsent(named, access);
      return allow(absent === undefined ? result : { ...result, absent });
    });
  },
  prepare({ args }): Promise<Verdict<void>> {
    const path = parseHostPath(args.path);
    return Promise.resolve(path.ok ? allow(undefined) : path);
  },
  fateOf: DISKS,
  // One effect removes all: the last path tells for the rest.
  fate: (facts, services, signal) =>
    typeof facts.path !== 'string'
      ? Promise.resolve('unknown')
      : inspectVolume(services, facts, signal, async (fs) =>
          (await fs.stat(String(facts.path), false, signal)).ok ? 'absent' : 'done',
        ),
  resultOf: async (_order, facts) => ({
    volume: recordedVolume(facts),
    removed: Number(facts.removed),
    effect: (await committing()).recordedEffect(facts, []),
    dryRun: false,
  }),
};

async function findTargets(
  fs: FileSystem,
  args: ArgsOf<'file.delete'>,
  signal: AbortSignal,
): Promise<Verdict<Target[]>> {
  const path = parseHostPath(args.path);
  if (!path.ok) return path;
  const paths =
    args.literal !== true && hasGlob(path.value)
      ? await expandGlob(fs, path.value, signal, { matches: REMOVALS_MAX, visited: VISITED_MAX })
      : allow([path.value]);
  if (!paths.ok) return paths.refusal.code === 'TOO_MANY_FILES' ? tooMany(paths.refusal.sentence) : paths;
  const targets: Target[] = [];
  for (const each of paths.value) {
    const place = await findRealPlace(fs, each, signal);
    if (!place.ok) return place;
    if (place.value.stat === undefined) return refuse('NO_SUCH_FILE', `There is no ${each}.`);
    targets.push({ path: place.value.path, stat: place.value.stat });
  }
  return targets.length === 0 ? refuse('NO_SUCH_FILE', `Nothing fits ${args.path}.`) : allow(targets);
}
