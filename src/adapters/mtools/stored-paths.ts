import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, VolumeEdit } from '../../ports/index.ts';
import { baseName, checkFatPath, FatChildren, joinPath, pathNames } from '../../storage/index.ts';

/** Edits with their paths as the volume has them, and what is known of what is there. */
export interface StoredEdits {
  readonly edits: readonly VolumeEdit[];
  readonly attributes: ReadonlyMap<string, number>;
  readonly spareName: ReadonlyMap<string, string>;
}

const SPARE_NAMES = ['NIGHTSHF.TMP', ...Array.from({ length: 100 }, (_, i) => `NIGHTS${i}.TMP`)];

/**
 * Finds what each path means, by long or short name in whatever case, before programs look for it in their own way. Refuses
 * names that these cannot be told, paths that more than one entry answers to, and what is there although it must not be, or
 * is not although it must.
 */
export async function storedEdits(
  volume: BlockDevice,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<Verdict<StoredEdits>> {
  const children = await FatChildren.open(volume, signal);
  const attributes = new Map<string, number>();
  const spareName = new Map<string, string>();
  const stored: VolumeEdit[] = [];
  /** What earlier edits of the same order have made of a path. */
  const now = new Map<string, boolean>();
  for (const edit of edits) {
    if (edit.edit === 'make-symlink' || edit.edit === 'make-link') {
      return refuse('LINKS_UNSUPPORTED', `FAT keeps no links, and ${edit.path} would be one.`);
    }
    const carried = checkFatPath(edit.path);
    if (!carried.ok) return carried;
    let path = '/';
    let there = true;
    for (const name of pathNames(edit.path)) {
      const found = await children.named(joinPath(path, name), signal);
      if (found.length > 1) {
        return refuse(
          'NAME_UNSUPPORTED',
          `More than one file answers to ${joinPath(path, name)}.`,
          'Check the filesystem from the host.',
        );
      }
      const [entry] = found;
      const storedName = entry?.name ?? entry?.shortName ?? name;
      path = joinPath(path, storedName);
      const carriedToo = checkFatPath(path);
      if (!carriedToo.ok) return carriedToo;
      there = now.get(path) ?? entry !== undefined;
      if (entry !== undefined) attributes.set(path, entry.attributes);
    }
    const wanted = edit.edit === 'put-file' ? edit.replace : edit.edit !== 'make-directory';
    if (there !== wanted) return refuse(wanted ? 'NO_SUCH_FILE' : 'FILE_EXISTS', `${edit.path}.`);
    now.set(path, edit.edit === 'put-file' || edit.edit === 'make-directory');
    if (edit.edit === 'put-file' && edit.replace) {
      const parent = path.slice(0, -baseName(path).length - 1) || '/';
      const taken = new Set((await children.of(parent, signal))?.map(({ shortName }) => shortName));
      spareName.set(parent, SPARE_NAMES.find((name) => !taken.has(name)) ?? '');
    }
    stored.push({ ...edit, path });
  }
  return allow({ edits: stored, attributes, spareName });
}
