import type { BlockDevice } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import type { Ext4Group } from './groups.ts';
import type { Ext4Layout } from './layout.ts';
import { openVolume } from './volume.ts';

/** Where an ext volume keeps its own structures, for those who must know which blocks are in use. */
export interface Ext4Geometry {
  readonly layout: Ext4Layout;
  /** A checked group descriptor; throws NS_FS_CORRUPT. */
  group(number: number, signal?: AbortSignal): Promise<Ext4Group>;
}

/** Reads and checks the superblock. Throws NS_FS_CORRUPT or NS_FS_UNSUPPORTED. */
export async function openExt4Geometry(device: BlockDevice, signal?: AbortSignal): Promise<Ext4Geometry> {
  const volume = await overHostileBytes(() => openVolume(device, signal));
  return {
    layout: volume.layout,
    group: (number, groupSignal) => overHostileBytes(() => volume.group(number, groupSignal)),
  };
}
