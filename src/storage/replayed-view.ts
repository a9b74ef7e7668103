import { allow, MiB, type Verdict } from '../base/index.ts';
import type { BlockDevice, VolumeEditor } from '../ports/index.ts';
import { readSuperblock } from './ext4/superblock.ts';
import { Overlay } from './overlay.ts';

/** What a journal may change when it is replayed on a copy, kept in memory. */
const REPLAY_LIMIT = 32 * MiB;

/**
 * A dirty volume as its host would find it after replaying the journal: a copy-on-write view for reading. The volume
 * itself is not touched. Refuses as the editor's replay does.
 */
export async function replayedView(
  volume: BlockDevice,
  type: string,
  editor: VolumeEditor,
  signal: AbortSignal,
): Promise<Verdict<{ readonly device: BlockDevice; readonly close: () => Promise<void> }>> {
  const superblock = await readSuperblock(volume, signal);
  const overlay = new Overlay(volume, { memoryLimit: REPLAY_LIMIT });
  const replayed = await editor.replay(overlay, type, superblock?.lastWrite ?? 0, signal);
  if (!replayed.ok) {
    await overlay.close();
    return replayed;
  }
  await overlay.freeze();
  return allow({ device: overlay, close: () => overlay.close() });
}
