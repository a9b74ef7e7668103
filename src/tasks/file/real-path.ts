import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileStat, FileSystem, HostPath } from '../../ports/index.ts';
import { joinPath, parentPath, parseHostPath, pathNames } from '../../storage/index.ts';

/** As the directory has the last name, however it was asked for. */
function storedPath(path: HostPath, { name }: FileStat): HostPath {
  return name === undefined ? path : joinPath(parentPath(path), name);
}

const LINKS_MAX = 40;

/** A place on a volume with every symbolic link before its last name resolved. */
export interface RealPlace {
  /** What is there; absent where nothing is. A symlink is described itself. */
  readonly stat?: FileStat;
  readonly path: HostPath;
  /** Directories above that do not exist, outermost first. */
  readonly missing: readonly HostPath[];
  /** The links that the way led through. */
  readonly through: readonly HostPath[];
}

/**
 * Finds where a path really leads, for a writer: no name before the last is a symlink afterwards. Absolute targets
 * begin at the volume's root, and ".." never leads above it. Refuses with SYMLINK_LOOP, NOT_A_DIRECTORY, NO_SUCH_FILE
 * where ".." would lead back out of what does not exist, and NAME_UNSUPPORTED for a link that is not UTF-8.
 */
export async function findRealPlace(
  fs: Pick<FileSystem, 'stat'>,
  path: HostPath,
  signal: AbortSignal,
): Promise<Verdict<RealPlace>> {
  let pending = pathNames(path);
  let at: HostPath = '/';
  const missing: HostPath[] = [];
  const through: HostPath[] = [];
  while (pending.length > 1) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '..') {
      const gone = missing[0];
      if (gone !== undefined)
        return refuse('NO_SUCH_FILE', `There is no ${gone}, through which ${path} leads.`);
      at = parentPath(at);
      continue;
    }
    at = joinPath(at, name);
    if (missing.length > 0) {
      missing.push(at);
      continue;
    }
    const found = await fs.stat(at, false, signal);
    if (!found.ok) {
      if (found.refusal.code !== 'NO_SUCH_FILE') return found;
      missing.push(at);
    } else if (found.value.kind === 'symlink') {
      through.push(at);
      if (through.length > LINKS_MAX) return refuse('SYMLINK_LOOP');
      const target = found.value.target ?? '';
      // What is not UTF-8 is shown so, and may be the name of something else.
      if (target.includes('\ufffd'))
        return refuse('NAME_UNSUPPORTED', `${at} leads to a name that is not UTF-8.`);
      pending = [...target.split('/').filter((part) => part !== '' && part !== '.'), ...pending];
      at = target.startsWith('/') ? '/' : parentPath(at);
    } else if (found.value.kind !== 'directory') {
      return refuse('NOT_A_DIRECTORY', `${at} is not a directory.`);
    } else at = storedPath(at, found.value);
  }
  const last = pending[0];
  const whole = last === undefined ? at : last === '..' ? parentPath(at) : joinPath(at, last);
  const parsed = parseHostPath(whole);
  if (!parsed.ok) return parsed;
  const place = { path: whole, missing, through };
  if (missing.length > 0) return allow(place);
  const found = await fs.stat(whole, false, signal);
  if (found.ok) return allow({ ...place, path: storedPath(whole, found.value), stat: found.value });
  return found.refusal.code === 'NO_SUCH_FILE' ? allow(place) : found;
}
