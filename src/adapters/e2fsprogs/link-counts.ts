import type { BlockDevice, HostPath, VolumeEdit } from '../../ports/index.ts';
import { openExt4 } from '../../storage/index.ts';

/** What the filesystem can count (EXT4_LINK_MAX); less on some, as its checker finds. */
export const MOST_LINKS = 65_000;

interface Counted {
  links: number;
}

/** How many names a file has once a link is made, by the edit that makes it: debugfs `ln` does not count. */
export async function linkCounts(
  volume: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<ReadonlyMap<VolumeEdit, number>> {
  const counts = new Map<VolumeEdit, number>();
  if (!edits.some(({ edit }) => edit === 'make-link')) return counts;
  const fileSystem = await openExt4(volume, signal);
  const byInode = new Map<number, Counted>();
  /** What a path means by now; undefined where nothing is there. */
  const byPath = new Map<HostPath, Counted | undefined>();
  const at = async (path: HostPath): Promise<Counted | undefined> => {
    if (byPath.has(path)) return byPath.get(path);
    const stat = await fileSystem.stat(path, false, signal);
    if (!stat.ok) return undefined;
    const counted = byInode.get(stat.value.inode) ?? { links: stat.value.links };
    byInode.set(stat.value.inode, counted);
    return counted;
  };
  for (const edit of edits) {
    const { path } = edit;
    if (edit.edit === 'make-link') {
      const counted = await at(edit.to);
      // What is not there debugfs says.
      if (counted === undefined) continue;
      counted.links += 1;
      counts.set(edit, counted.links);
      byPath.set(path, counted);
      continue;
    }
    const former = edit.edit === 'remove-file' || edit.edit === 'put-file' ? await at(path) : undefined;
    if (former !== undefined) former.links -= 1;
    const isMade = edit.edit === 'put-file' || edit.edit === 'make-symlink';
    byPath.set(path, isMade ? { links: 1 } : undefined);
  }
  return counts;
}
