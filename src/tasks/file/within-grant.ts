import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileSystem, HostPath } from '../../ports/index.ts';
import { hasGlob, joinPath, parentPath, parseHostPath } from '../../storage/index.ts';
import type { TaskContext } from '../task.ts';
import { foldPath } from './protect.ts';
import { findRealPlace, type RealPlace } from './real-path.ts';

const LINKS_MAX = 40;

/** Where an order says to work. */
export interface PlaceWish {
  readonly path?: string | undefined;
  readonly literal?: boolean | undefined;
}

/**
 * Whether the grants of all who signed cover the place that the path really leads to: what is on the disk is not ours,
 * and a symlink under a granted directory may lead anywhere. A pattern may stand in the last name only, since what it
 * finds further up may be links too. OUT_OF_SCOPE, and what findRealPlace refuses with.
 */
export async function checkGrant(
  { grantedPaths }: Pick<TaskContext, 'grantedPaths'>,
  fs: FileSystem,
  { path: wanted, literal }: PlaceWish,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const covers = grantedPaths?.();
  if (covers === undefined || wanted === undefined) return allow(undefined);
  const parsed = parseHostPath(wanted);
  if (!parsed.ok) return parsed;
  let at = parsed.value;
  if (literal !== true && hasGlob(parentPath(at))) {
    return refuse(
      'OUT_OF_SCOPE',
      'The grant of this key is for certain paths; there a pattern may stand in the last name only.',
      'Name the directory, or say that the path is literal.',
    );
  }
  for (let links = 0; links < LINKS_MAX; links += 1) {
    const place = await findRealPlace(fs, at, signal);
    if (!place.ok) return place;
    const { stat, path } = place.value;
    const covered = covers(sameByName(place.value, at) ? at : path);
    if (!covered.ok) return covered;
    if (stat?.kind !== 'symlink' || stat.target === undefined) return allow(undefined);
    at = stat.target.startsWith('/') ? stat.target : joinPath(parentPath(path), stat.target);
  }
  return refuse('SYMLINK_LOOP');
}

/**
 * Is this, without a link on the way, what the volume has under that name, though in other letters? Where names have no case
 * that is the place that a grant in the order's letters is for. A short name of something else is not: what a grant says is
 * what stands there.
 */
function sameByName({ path, through, stat }: RealPlace, asked: HostPath): boolean {
  return through.length === 0 && stat?.kind !== 'symlink' && foldPath(path) === foldPath(asked);
}
