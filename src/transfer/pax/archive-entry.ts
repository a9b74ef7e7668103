import type { ExtendedAttribute } from '../../ports/index.ts';

/** Bytes of a block: headers and contents begin at a multiple of this. */
export const BLOCK = 512;

/** A run of a file that holds something. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** One name of a tree, as an archive tells of it. */
export interface ArchiveEntry {
  /** The names from the top of the tree, "/" between them, as bytes; empty for the top itself. */
  readonly path: Uint8Array;
  /** `link`: one more name of a file that came before. */
  readonly kind: 'file' | 'directory' | 'symlink' | 'link' | 'fifo';
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, and the part of a second after that. */
  readonly mtime: number;
  readonly mtimeNanoseconds?: number;
  /** Of a file, with its holes; 0 for all others. */
  readonly size: number;
  /** Where a symlink leads; the path of the file that a link is. */
  readonly target?: Uint8Array;
  readonly xattrs?: readonly ExtendedAttribute[];
  /** What of the file is in the archive, ascending; the rest is holes. All of it where absent. */
  readonly segments?: readonly Segment[];
}

export const roundUp = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;

/** Bytes of the contents that are in the archive, without the map of a sparse file. */
export function heldBytes({ size, segments }: ArchiveEntry): number {
  return segments === undefined ? size : segments.reduce((sum, { length }) => sum + length, 0);
}
