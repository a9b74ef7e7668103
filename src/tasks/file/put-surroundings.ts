import { allow, type Verdict } from '../../base/index.ts';
import type { FileSystem } from '../../ports/index.ts';
import { parentPath } from '../../storage/index.ts';
import type { Surroundings } from './put-attributes.ts';
import type { RealPlace } from './real-path.ts';

/** Reads what a file that is put takes its attributes from. What has more than can be told is refused. */
export async function surroundingsOf(
  fs: FileSystem,
  { path, missing, stat }: RealPlace,
  signal: AbortSignal,
): Promise<Verdict<Surroundings>> {
  if (fs.facts.limits?.xattrs === false || path === '/') return allow({});
  const at = stat === undefined ? parentPath(missing[0] ?? path) : path;
  const found = await fs.extras(at, false, signal);
  if (!found.ok) return found;
  const { xattrs } = found.value;
  return allow(stat === undefined ? { directory: xattrs } : { replaced: xattrs });
}
