import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileSystem, HostPath } from '../../ports/index.ts';
import { joinPath, parentPath } from '../../storage/index.ts';
import { findRealPlace } from './real-path.ts';

const LINKS_MAX = 40;

type Stats = Pick<FileSystem, 'stat'>;

/**
 * The protected paths under every name that they have on this volume: as written, as the links on the way lead, and
 * those links themselves.
 */
export async function guardedPaths(
  fs: FileSystem,
  protectedPaths: readonly HostPath[],
  signal: AbortSignal,
): Promise<HostPath[]> {
  const guarded = new Set<HostPath>();
  const known = rememberingStats(fs);
  for (const path of protectedPaths) {
    guarded.add(path);
    let at = path;
    for (let links = 0; links < LINKS_MAX; links += 1) {
      const place = await findRealPlace(known, at, signal);
      if (!place.ok) break;
      for (const name of [...place.value.through, place.value.path]) guarded.add(name);
      const { stat } = place.value;
      if (stat?.kind !== 'symlink' || stat.target === undefined) break;
      at = stat.target.startsWith('/') ? stat.target : joinPath(parentPath(place.value.path), stat.target);
    }
  }
  return [...guarded];
}

/** Many paths go through the same few directories, each of which is looked at once. */
function rememberingStats(fs: Stats): Stats {
  const stats = new Map<HostPath, ReturnType<Stats['stat']>>();
  return {
    stat(path, follow, signal) {
      if (follow) return fs.stat(path, follow, signal);
      const found = stats.get(path) ?? fs.stat(path, follow, signal);
      stats.set(path, found);
      return found;
    },
  };
}

function isBelow(path: HostPath, directory: HostPath): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Rather too many paths alike than too few. */
export const foldPath = (path: HostPath): HostPath => path.toUpperCase().toLowerCase();

/**
 * A protected path covers all below it; and what contains one cannot be removed either. `caseless`: names that differ in
 * case alone are one on this volume.
 */
export function checkProtected(
  path: HostPath,
  protectedPaths: readonly HostPath[],
  removes: boolean,
  caseless = false,
): Verdict<void> {
  const as = (given: HostPath) => (caseless ? foldPath(given) : given);
  const at = as(path);
  const hit = protectedPaths.find((each) => {
    const guarded = as(each);
    return isBelow(at, guarded) || (removes && isBelow(guarded, at));
  });
  return hit === undefined
    ? allow(undefined)
    : refuse('PATH_PROTECTED', `${path} is protected on this device (${hit}).`);
}
