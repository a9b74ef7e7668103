import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileStat, HostPath, VolumeLimits } from '../../ports/index.ts';
import { baseName, joinPath, parentPath } from '../../storage/index.ts';
import type { TreeEntry } from './index-archive.ts';
import { foldPath } from './protect.ts';

/** May an entry of this kind come where this is, or nothing? Directories that are both there are no matter of this. */
export function judgePlace(
  kind: TreeEntry['held']['kind'],
  path: HostPath,
  stat: FileStat | undefined,
  { limits, replace }: { readonly limits: VolumeLimits | undefined; readonly replace: boolean },
): Verdict<void> {
  const linkless =
    (kind === 'symlink' && limits?.symlinks === false) || (kind === 'link' && limits?.hardLinks === false);
  if (linkless) return refuse('LINKS_UNSUPPORTED', `${path} would be a ${kind}.`);
  if (stat === undefined) return allow(undefined);
  const remedy = 'Remove it first, or leave it out of the tree.';
  if (stat.kind === 'directory') return refuse('IS_A_DIRECTORY', `${path} is a directory.`, remedy);
  const linkOverLink = stat.kind === 'symlink' && kind === 'symlink';
  if (stat.kind === 'symlink' && !linkOverLink) {
    return refuse('IS_A_SYMLINK', `${path} is a symbolic link.`, remedy);
  }
  if (stat.kind !== 'file' && !linkOverLink)
    return refuse('NOT_A_FILE', `${path} is a ${stat.kind}.`, remedy);
  if (kind === 'directory') return refuse('NOT_A_DIRECTORY', `${path} is a file.`, remedy);
  return replace ? allow(undefined) : refuse('FILE_EXISTS', `${path} exists.`);
}

/** What is protected or granted is told by the names that are there, and a tree has those: NAME_UNSUPPORTED for a short one. */
export function ownName(path: HostPath, stat: FileStat): Verdict<FileStat> {
  const { name } = stat;
  if (name === undefined || foldPath(name) === foldPath(baseName(path))) return allow(stat);
  return refuse(
    'NAME_UNSUPPORTED',
    `${path} is a short name of what is ${joinPath(parentPath(path), name)} there.`,
    'Name it so in the tree.',
  );
}
