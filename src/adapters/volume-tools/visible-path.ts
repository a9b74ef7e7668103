import type { VolumeEdit } from '../../ports/index.ts';

/** A path that a tool may see; it has the same name inside. */
export interface VisiblePath {
  readonly path: string;
  /** May be written too, file or directory. */
  readonly writable?: boolean;
}

/** The staged files of own storage that edits read. */
export function stagedPaths(edits: readonly VolumeEdit[], stagedPath: (name: string) => string): string[] {
  const names = edits.flatMap((edit) =>
    edit.edit === 'put-file' && edit.content.name !== undefined ? [edit.content.name] : [],
  );
  return [...new Set(names)].map(stagedPath);
}
