import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileStat, FileSystem, HostPath, VolumeEdit } from '../../ports/index.ts';
import type { EffectNote } from '../../protocol/index.ts';
import { checkWritableName, pathNames } from '../../storage/index.ts';
import type { Breathe } from './give-way.ts';
import { checkProtected } from './protect.ts';
import { walk } from './walk.ts';

/** What one order may remove. More is several orders, each of them looked at. */
export const REMOVALS_MAX = 4096;
/** How many of the changes the receipt names one by one. */
const NAMED_MAX = 200;

export interface Target {
  readonly path: HostPath;
  readonly stat: FileStat;
}

export interface DeleteOptions {
  readonly recursive: boolean;
  readonly protectedPaths: readonly string[];
  /** Waited for now and then. */
  readonly breathe?: Breathe;
}

export interface DeletePlan {
  readonly edits: readonly VolumeEdit[];
  readonly changes: EffectNote['changes'];
}

/**
 * What must go, innermost first. `targets` have their links resolved; a symlink among them is removed itself. Without
 * `recursive` only files and empty directories go.
 */
export async function planDelete(
  fs: FileSystem,
  targets: readonly Target[],
  options: DeleteOptions,
  signal: AbortSignal,
): Promise<Verdict<DeletePlan>> {
  const edits: VolumeEdit[] = [];
  const seen = new Set<HostPath>();
  for (const target of targets) {
    const may = await mayRemove(fs, target, options, signal);
    if (!may.ok) return may;
    const below =
      target.stat.kind === 'directory' && options.recursive
        ? await removalsBelow(fs, target.path, options, signal)
        : allow([]);
    if (!below.ok) return below;
    for (const edit of [...below.value, removal(target.path, target.stat.kind === 'directory')]) {
      if (seen.has(edit.path)) continue;
      seen.add(edit.path);
      edits.push(edit);
    }
    if (edits.length > REMOVALS_MAX) return tooMany();
  }
  const changes = edits.slice(0, NAMED_MAX).map(({ path }) => ({ change: 'remove' as const, path }));
  return allow({ edits, changes });
}

async function mayRemove(
  fs: FileSystem,
  { path, stat }: Target,
  options: DeleteOptions,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  if (path === '/') return refuse('PATH_PROTECTED', 'The root of a volume is never removed.');
  const free = checkProtected(path, options.protectedPaths, true, fs.facts.limits?.caseless);
  if (!free.ok || stat.kind !== 'directory' || options.recursive) return free;
  const entries = await fs.list(path, signal);
  if (!entries.ok) return entries;
  for await (const _ of entries.value)
    return refuse('DIRECTORY_NOT_EMPTY', `${path} is a directory and not empty.`);
  return refuse('IS_A_DIRECTORY', `${path} is a directory.`);
}

async function removalsBelow(
  fs: FileSystem,
  top: HostPath,
  { breathe }: DeleteOptions,
  signal: AbortSignal,
): Promise<Verdict<VolumeEdit[]>> {
  const found: VolumeEdit[] = [];
  for await (const node of walk(fs, top, { signal, breathe, most: REMOVALS_MAX })) {
    if (!node.ok) return node.refusal.code === 'TOO_MANY_FILES' ? tooMany(node.refusal.sentence) : node;
    const { path, kind } = node.value;
    if (path === undefined) {
      return refuse(
        'NAME_UNSUPPORTED',
        `Below ${top} is a name that is not UTF-8; it cannot be removed by an order.`,
      );
    }
    found.push(removal(path, kind === 'directory'));
    if (found.length > REMOVALS_MAX) return tooMany();
  }
  for (const { path } of found) {
    for (const name of pathNames(path)) {
      const fit = checkWritableName(name);
      if (!fit.ok) return fit;
    }
  }
  // A walk gives a directory before its contents; they go the other way round.
  return allow(found.reverse());
}

function removal(path: HostPath, directory: boolean): VolumeEdit {
  return directory ? { edit: 'remove-directory', path } : { edit: 'remove-file', path };
}

/** `why`: what showed it. */
export function tooMany(why = ''): Verdict<never> {
  return refuse(
    'TOO_MANY_FILES',
    `The order would remove more than ${REMOVALS_MAX} files.${why === '' ? '' : ` ${why}`}`,
    'Name a smaller part of the tree, or a pattern that fits fewer names, and so on in several orders.',
  );
}
