import type { ResultOf } from '../protocol/index.ts';
import { counted, sized } from './show-text.ts';

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
