import { allow, fromUtf8, hasCode, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { type HeldEntry, readArchive } from '../../transfer/index.ts';

/** Names of one tree that is put. */
const MOST_PUT = 10_000;
const MOST_NAME_BYTES = 8 * 1024 * 1024;

/** One name of a tree that is to be put. */
export interface TreeEntry {
  /** From the top, "/" between the names; empty for the top. */
  readonly path: string;
  /** Of a symlink as it is to be stored, of a link the path of the file in the tree. */
  readonly target: string | undefined;
  readonly held: HeldEntry;
}

/**
 * What an archive in own storage holds, in its order, each directory before what is in it. ARCHIVE_INVALID for one that
 * is broken, tries to lead out of the tree, or holds what cannot be put; TOO_MANY_FILES; NAME_UNSUPPORTED.
 */
export async function indexArchive(
  archive: BlockDevice,
  size: number,
  signal: AbortSignal,
): Promise<Verdict<readonly TreeEntry[]>> {
  const found = new Map<string, TreeEntry>();
  const kinds = new Map<string, HeldEntry['kind']>([['', 'directory']]);
  try {
    const limits = { entries: MOST_PUT + 1, namesBytes: MOST_NAME_BYTES };
    const read = (offset: number, into: Uint8Array) => archive.read(offset, into, signal);
    for await (const held of readArchive(read, size, limits)) {
      signal.throwIfAborted();
      if (found.size >= MOST_PUT) {
        return refuse('TOO_MANY_FILES', `The tree has more than ${MOST_PUT} entries.`, 'Put it in parts.');
      }
      const taken = take(held, kinds);
      if (!taken.ok) return taken;
      const { path } = taken.value;
      kinds.set(path, held.kind);
      found.set(path, taken.value);
    }
  } catch (error) {
    if (!hasCode(error, 'NS_ARCHIVE_BAD')) throw error;
    return refuse('ARCHIVE_INVALID', `${(error as Error).message.replace(/^t/, 'T')}.`);
  }
  const entries = [...found.values()];
  return allow(found.has('') ? entries : [topOf(entries), ...entries]);
}

/** For an archive that says nothing of its top: as old as the newest in it. */
function topOf(entries: readonly TreeEntry[]): TreeEntry {
  const mtime = entries.reduce((newest, { held }) => Math.max(newest, held.mtime), 0);
  const root = { mode: 0o755, uid: 0, gid: 0 };
  const held = { ...root, path: new Uint8Array(0), kind: 'directory' as const, mtime, size: 0, at: 0 };
  return { path: '', target: undefined, held };
}

function take(held: HeldEntry, kinds: ReadonlyMap<string, HeldEntry['kind']>): Verdict<TreeEntry> {
  const path = fromUtf8(held.path);
  const target = held.target === undefined ? undefined : fromUtf8(held.target);
  if (path === undefined || (held.target !== undefined && target === undefined)) {
    const shown = JSON.stringify(Buffer.from(held.path).toString('latin1'));
    return refuse('NAME_UNSUPPORTED', `A name in the archive is not UTF-8: ${shown}.`);
  }
  const shown = JSON.stringify(path);
  if (held.kind === 'fifo') return refuse('ARCHIVE_INVALID', `${shown} is a pipe, which is not put.`);
  const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  if (path !== '' && kinds.get(above) !== 'directory') {
    return refuse('ARCHIVE_INVALID', `The directory that holds ${shown} does not come before it.`);
  }
  const before = path === '' ? undefined : kinds.get(path);
  if (before !== undefined && !(before === 'directory' && held.kind === 'directory')) {
    return refuse('ARCHIVE_INVALID', `${shown} is there twice.`);
  }
  if (path === '' && held.kind !== 'directory') return refuse('ARCHIVE_INVALID', 'The top is no directory.');
  if (held.kind === 'link' && kinds.get(target ?? '') !== 'file') {
    return refuse('ARCHIVE_INVALID', `${shown} is another name of a file that does not come before it.`);
  }
  return allow({ path, target, held });
}
