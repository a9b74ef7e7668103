import type { ResultOf } from '../protocol/index.ts';
import { counted, sized } from './text.ts';

type TreeNote = NonNullable<ResultOf<'file.upload'>['tree']>;

const SHOWN = 20;

/** What came of a tree, and what did not. */
export function treeLines(path: string, tree: TreeNote): string[] {
  const { files, directories, symlinks, links, others, skipped, more = 0 } = tree;
  const kinds = [
    counted(files, 'file'),
    directories === 1 ? '1 directory' : `${directories} directories`,
    ...(symlinks === 0 ? [] : [counted(symlinks, 'symbolic link')]),
    ...(links === 0 ? [] : [counted(links, 'hard link')]),
    ...(others === 0 ? [] : [`${others} other`]),
  ];
  const unseen = skipped.length - SHOWN + more;
  return [
    `${path}: ${kinds.join(', ')}; ${sized(tree.bytes)} in an archive of ${sized(tree.archive)}`,
    ...skipped.slice(0, SHOWN).map((each) => `NOT AS IT IS THERE: ${each.path}: ${each.why}`),
    ...(unseen > 0 ? [`… and ${unseen} more`] : []),
  ];
}

type PutNote = NonNullable<ResultOf<'file.download'>['tree']>;

/** What a tree that was put is, in one line. */
export function putTreeLine(path: string, tree: PutNote, dryRun: boolean): string {
  const { files, directories, symlinks, links, replaced, bytes } = tree;
  const kinds = [
    `${counted(files, 'file')}${replaced === 0 ? '' : ` (${replaced} in the place of others)`}`,
    directories === 1 ? '1 new directory' : `${directories} new directories`,
    ...(symlinks === 0 ? [] : [counted(symlinks, 'symbolic link')]),
    ...(links === 0 ? [] : [counted(links, 'hard link')]),
  ];
  return `${path}: ${kinds.join(', ')}; ${sized(bytes)} ${dryRun ? 'would be put' : 'put'}`;
}

export function treeReadBack({ files, readBack }: PutNote, dryRun: boolean): string[] {
  if (dryRun || files === 0) return [];
  if (readBack === undefined) return ['not read back from the disk'];
  return [`parts of ${counted(readBack, 'file')} were read back from the disk, and are as they were sent`];
}
