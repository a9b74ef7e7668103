import type { VolumeEdit } from '../../ports/index.ts';
import { parentPath, type Settled } from '../../storage/index.ts';

/**
 * What debugfs leaves to be set on what is there in the end: all that inodes say, and contents. What changed in a
 * directory changes its times; what the order says of a directory that it makes counts more.
 */
export function settledEdits(edits: readonly VolumeEdit[], time: number): Settled[] {
  const now = { seconds: time };
  const last = new Map(edits.map((edit) => [edit.path, edit]));
  const isGone = (path: string): boolean => last.get(path)?.edit === 'remove-directory';
  const parents = new Set(edits.map(({ path }) => parentPath(path)));
  const settled: Settled[] = [...parents]
    .filter((path) => !isGone(path))
    .sort()
    .map((path) => ({ path, fields: { mtime: now, ctime: now } }));
  for (const edit of last.values()) {
    if (edit.edit === 'make-link') settled.push({ path: edit.path, fields: { ctime: now } });
    if (!('attributes' in edit)) continue;
    const { mode, uid, gid, mtime, mtimeNanoseconds = 0 } = edit.attributes;
    settled.push({
      path: edit.path,
      fields: {
        mode,
        uid,
        gid,
        atime: now,
        mtime: { seconds: mtime, nanoseconds: mtimeNanoseconds },
        ctime: now,
        birth: now,
      },
      ...(edit.edit === 'put-file' ? { content: edit.content } : {}),
    });
  }
  return settled;
}
