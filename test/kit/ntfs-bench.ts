import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { openNtfs3g } from '../../src/adapters/ntfs-3g/ntfs-3g.ts';
import type { FileContent, VolumeEdit } from '../../src/ports/index.ts';
import { checkNtfs } from '../../src/storage/index.ts';
import { run } from './disk-tools.ts';
import { temporaryDirectory } from './ext-volume.ts';
import { MemoryDevice } from './memory-device.ts';
import { makeNtfs, withNtfs3g } from './ntfs-volume.ts';

/** When a test's edits are made, whole seconds. */
export const TIME = 1_700_000_000;
export const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000 };

/** The editor over a state directory of its own; `work` is where it makes its mounts. */
export async function ntfsBench() {
  const directory = await temporaryDirectory();
  const store = await openFileStateStore(join(directory.path, 'state'));
  const work = join(directory.path, 'work');
  const editor = await openNtfs3g({ stagedPath: (name) => store.pathOf(name), directory: work });
  const stage = async (name: string, content: Uint8Array): Promise<FileContent> => {
    const staged = await store.stagedFile(name, content.byteLength);
    await staged.data.write(0, content);
    await staged.data.flush();
    return staged;
  };
  /** A volume made by mkntfs and filled on a mount by ntfs-3g. */
  const image = async (
    mib: number,
    fill: (root: string) => Promise<void> = async () => {},
    options: readonly string[] = [],
  ): Promise<Uint8Array> => {
    const path = join(directory.path, 'image');
    await makeNtfs(path, mib, options);
    await withNtfs3g(path, join(directory.path, 'mount'), fill);
    return new Uint8Array(await readFile(path));
  };
  const on = async (volume: Uint8Array): Promise<string> => {
    const path = join(directory.path, 'looked-at');
    await writeFile(path, volume);
    return path;
  };
  /** What ntfsfix -n, ntfsresize --check and our own checker say of a volume: empty where they find nothing. */
  const fsck = async (volume: Uint8Array): Promise<string> => {
    const path = await on(volume);
    const own = await checkNtfs(new MemoryDevice('checked', volume), new AbortController().signal);
    const fix = await run('ntfsfix', ['-n', path]).then(
      () => '',
      (error: Error) => error.message,
    );
    const resize = await run('ntfsresize', ['--check', '--force', '--no-progress-bar', path]).then(
      () => '',
      (error: Error) => error.message,
    );
    return `${own ?? ''}${fix}${resize}`;
  };
  /** Looks at a volume by a mount of ntfs-3g. */
  const look = async (volume: Uint8Array, use: (root: string) => Promise<void>): Promise<void> =>
    withNtfs3g(await on(volume), join(directory.path, 'look'), use);
  return { directory, store, work, editor, stage, image, on, fsck, look };
}

export function put(path: string, content: FileContent, replace = false, mode = 0o644): VolumeEdit {
  return { edit: 'put-file', path, content, attributes: { ...attributes, mode }, replace };
}
