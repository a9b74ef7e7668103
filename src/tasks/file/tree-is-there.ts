import { equalBytes, KiB } from '../../base/index.ts';
import type { BlockDevice, FileSystem } from '../../ports/index.ts';
import { joinPath } from '../../storage/index.ts';
import { contentOf } from './archive-content.ts';
import type { TreeEntry } from './index-archive.ts';

const CHUNK = 256 * KiB;
/** Contents compared; beyond that size and time tell. */
const MOST_COMPARED = 64 * 1024 * KiB;

/** The first path below `top` that is not as the archive has it; undefined where all are. */
export async function differsFromTree(
  fs: FileSystem,
  top: string,
  entries: readonly TreeEntry[],
  archive: BlockDevice,
  signal: AbortSignal,
): Promise<string | undefined> {
  const step = Math.max(1, fs.facts.limits?.timeStep ?? 1);
  let compared = 0;
  for (const { path: inTree, target, held } of entries) {
    const path = inTree === '' ? top : joinPath(top, inTree);
    const found = await fs.stat(path, false, signal);
    if (!found.ok) return path;
    const { kind, size, mtime, inode } = found.value;
    if (held.kind === 'link') {
      const other = await fs.stat(joinPath(top, target ?? ''), false, signal);
      if (!other.ok || other.value.inode !== inode) return path;
    } else if (kind !== held.kind) return path;
    else if (kind === 'symlink' && found.value.target !== target) return path;
    else if (kind === 'file') {
      if (size !== held.size || mtime !== held.mtime - (held.mtime % step)) return path;
      if (compared > MOST_COMPARED) continue;
      compared += size;
      if (!(await sameContent(fs, path, contentOf(held, archive).data, size, signal))) return path;
    }
  }
  return undefined;
}

async function sameContent(
  fs: FileSystem,
  path: string,
  wanted: BlockDevice,
  size: number,
  signal: AbortSignal,
): Promise<boolean> {
  const opened = await fs.open(path, signal);
  if (!opened.ok) return false;
  for (let at = 0; at < size; at += CHUNK) {
    const length = Math.min(CHUNK, size - at);
    const [there, ordered] = [new Uint8Array(length), new Uint8Array(length)];
    await wanted.read(at, ordered, signal);
    for (let done = 0; done < length; ) {
      const count = await opened.value.read(at + done, there.subarray(done), signal);
      if (count === 0) return false;
      done += count;
    }
    if (!equalBytes(there, ordered)) return false;
  }
  return true;
}
