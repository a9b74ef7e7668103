import { join } from 'node:path';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import type { StagedFile } from '../../src/ports/index.ts';
import { temporaryDirectory } from './ext-volume.ts';

/** When a test's edits are made, whole seconds. */
export const TIME = 1_700_000_000;
export const attributes = { mode: 0o640, uid: 70_000, gid: 1000, mtime: 1_600_000_000 };

/** The editor over a state directory of its own; `work` is where it makes its mounts. */
export async function e2fsprogsBench() {
  const directory = await temporaryDirectory();
  const store = await openFileStateStore(join(directory.path, 'state'));
  const work = join(directory.path, 'work');
  const editor = await openE2fsprogs({ stagedPath: (name) => store.pathOf(name), directory: work });
  const stage = async (name: string, content: Uint8Array): Promise<StagedFile> => {
    const staged = await store.stagedFile(name, content.byteLength);
    await staged.data.write(0, content);
    await staged.data.flush();
    return staged;
  };
  return { directory, store, work, editor, stage };
}
