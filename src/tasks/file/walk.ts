import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileKind, FileStat, FileSystem, HostPath } from '../../ports/index.ts';
import { joinPath } from '../../storage/index.ts';

/** One directory may not hold more than this for an order that looks at all of it. */
const ENTRIES_MAX = 200_000;
const DEPTH_MAX = 128;

/** A directory's entries in the order of their bytes. TOO_MANY_FILES past the limit. */
export async function sortedEntries(
  fs: FileSystem,
  path: HostPath,
  signal: AbortSignal,
): Promise<Verdict<DirectoryEntry[]>> {
  const listing = await fs.list(path, signal);
  if (!listing.ok) return listing;
  const entries: DirectoryEntry[] = [];
  for await (const entry of listing.value) {
    if (entries.length >= ENTRIES_MAX)
      return refuse('TOO_MANY_FILES', `${path} holds more than ${ENTRIES_MAX} entries.`);
    entries.push(entry);
  }
  entries.sort((a, b) => Buffer.compare(a.rawName, b.rawName));
  return allow(entries);
}

/** A node met on a walk; `path` is absent where a name on the way is not UTF-8. */
export interface WalkNode {
  readonly path: HostPath | undefined;
  readonly entry: DirectoryEntry;
  readonly kind: FileKind | 'unknown';
  readonly stat?: FileStat;
}

/**
 * Everything below a directory, each directory before what is in it, siblings in the order of their bytes. Symlinks
 * are not followed. Throws nothing of its own: a refusal ends the walk and is the last thing given.
 */
export async function* walk(
  fs: FileSystem,
  top: HostPath,
  signal: AbortSignal,
  depth = 0,
): AsyncGenerator<Verdict<WalkNode>, void> {
  if (depth > DEPTH_MAX) {
    yield refuse('TOO_MANY_FILES', `${top} lies more than ${DEPTH_MAX} directories deep.`);
    return;
  }
  const entries = await sortedEntries(fs, top, signal);
  if (!entries.ok) {
    yield entries;
    return;
  }
  for (const entry of entries.value) {
    signal.throwIfAborted();
    const path = entry.name === undefined ? undefined : joinPath(top, entry.name);
    const stat = path === undefined ? undefined : await fs.stat(path, false, signal);
    if (stat !== undefined && !stat.ok) {
      yield stat;
      return;
    }
    const kind = stat?.value.kind ?? entry.kind;
    yield allow({ path, entry, kind, ...(stat === undefined ? {} : { stat: stat.value }) });
    if (kind !== 'directory' || path === undefined) continue;
    for await (const below of walk(fs, path, signal, depth + 1)) {
      yield below;
      if (!below.ok) return;
    }
  }
}
