import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { openMtools } from '../../src/adapters/mtools/mtools.ts';
import type { StagedFile, VolumeEdit } from '../../src/ports/index.ts';
import { type Overlay, openFileSystem } from '../../src/storage/index.ts';
import { run } from './disk-tools.ts';
import { temporaryDirectory } from './ext-volume.ts';
import { makeFat, mtool } from './fat-volume.ts';

/** When a test's edits are made, whole seconds. */
export const TIME = 1_700_000_000;
export const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000 };

/** A file or, where there is no content, a directory. */
export type FatContent = readonly (readonly [path: string, content?: Uint8Array])[];

/** The editor over a state directory of its own; `work` is where it makes its mounts. */
export async function mtoolsBench() {
  const directory = await temporaryDirectory();
  const store = await openFileStateStore(join(directory.path, 'state'));
  const work = join(directory.path, 'work');
  const editor = await openMtools({ stagedPath: (name) => store.pathOf(name), directory: work });
  const stage = async (name: string, content: Uint8Array): Promise<StagedFile> => {
    const staged = await store.stagedFile(name, content.byteLength);
    await staged.data.write(0, content);
    await staged.data.flush();
    return staged;
  };
  /** A volume made by mkfs.vfat and filled by mcopy. */
  const image = async (
    options: readonly string[],
    kib: number,
    contents: FatContent = [],
  ): Promise<Uint8Array> => {
    const path = join(directory.path, 'image');
    await makeFat(path, options, kib);
    const source = join(directory.path, 'source');
    for (const [name, content] of contents) {
      if (content === undefined) await mtool(path, 'mmd', [`::${name}`]);
      else {
        await writeFile(source, content);
        await mtool(path, 'mcopy', [source, `::${name}`]);
      }
    }
    return new Uint8Array(await readFile(path));
  };
  /** What fsck.fat -n says of a volume, with zeros behind it up to `size`: empty where it finds nothing. */
  const fsck = async (volume: Uint8Array, size = volume.byteLength): Promise<string> => {
    const path = join(directory.path, 'checked');
    await writeFile(path, volume);
    await truncate(path, size);
    return run('fsck.fat', ['-n', path]).then(
      () => '',
      (error: Error) => error.message,
    );
  };
  /** A file as mtools reads it; undefined where it finds none. */
  const dump = async (volume: Uint8Array, file: string): Promise<Uint8Array | undefined> => {
    const path = join(directory.path, 'dumped');
    await writeFile(path, volume);
    const to = join(directory.path, 'dump');
    return mtool(path, 'mcopy', ['-n', `::${file.replaceAll('[', '[[]')}`, to]).then(
      async () => new Uint8Array(await readFile(to)),
      () => undefined,
    );
  };
  return { directory, store, work, editor, stage, image, fsck, dump };
}

export function put(path: string, content: StagedFile, replace = false, mode = 0o644): VolumeEdit {
  return { edit: 'put-file', path, content, attributes: { ...attributes, mode }, replace };
}

/** All names of a directory, as our reader has them. */
export async function namesIn(overlay: Overlay, path: string): Promise<Set<string | undefined>> {
  const listed = await (await openFileSystem(overlay, 'vfat')).list(path);
  const found = new Set<string | undefined>();
  if (listed.ok) for await (const entry of listed.value) found.add(entry.name);
  return found;
}
