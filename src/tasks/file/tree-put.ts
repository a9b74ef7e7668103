import type { BlockDevice, FileSystem, HostPath, VolumeEdit } from '../../ports/index.ts';
import type { EffectNote, ResultOf } from '../../protocol/index.ts';
import type { RealPlace } from './real-path.ts';

type TreeNote = NonNullable<ResultOf<'file.download'>['tree']>;
export type TreeCounts = Omit<TreeNote, 'more' | 'readBack'>;

export interface TreePutPlan {
  readonly edits: readonly VolumeEdit[];
  readonly changes: EffectNote['changes'];
  readonly tree: TreeCounts;
  /** What becomes of what is there, by its path on the volume. */
  readonly replaced: readonly HostPath[];
  readonly made: readonly HostPath[];
  /** The attributes that only a host's own administrator may set, if any are to be set. */
  readonly privileges: readonly string[];
  readonly notes: readonly string[];
  /** The newest time in it. */
  readonly newest: number;
}

export interface TreePutFacts {
  readonly fs: FileSystem;
  /** Where the top comes to lie; a directory, or nothing. */
  readonly top: RealPlace;
  readonly archive: BlockDevice;
  readonly protectedPaths: readonly string[];
}
