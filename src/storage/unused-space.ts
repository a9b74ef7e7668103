import { hasCode } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import type { IsFree } from './free-blocks.ts';
import { writableKind } from './writable-kind.ts';

/** What a filesystem does not use. */
export interface UnusedSpace {
  readonly isFree: IsFree;
  /** Bytes, a power of two: what is asked about in pieces of this is told exactly. */
  readonly granule: number;
}

/**
 * What of a volume its filesystem does not use, as its own map says; undefined for kinds whose maps are not read here.
 * Throws NS_FS_CORRUPT. Whether the map is up to date is for the gate to say.
 */
export async function unusedSpace(
  volume: BlockDevice,
  type: string,
  signal: AbortSignal,
): Promise<UnusedSpace | undefined> {
  try {
    const kind = await writableKind(type);
    const sound = await kind.preflight(volume, signal);
    if (!sound.ok) return undefined;
    const granule = await kind.granularity(volume, signal);
    return { isFree: await kind.freeSpace(volume, signal), granule };
  } catch (error) {
    if (hasCode(error, 'NS_FS_UNSUPPORTED')) return undefined;
    throw error;
  }
}
