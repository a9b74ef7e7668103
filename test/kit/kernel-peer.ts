import { chmod, chown, mkdir, rm, rmdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileAttributes } from '../../src/ports/index.ts';
import type { Peer } from './differential.ts';
import { run } from './disk-tools.ts';
import { directoryTree } from './native-tree.ts';
import type { Operation } from './tree-model.ts';

/** The kernel's own filesystem at work on a volume. */
export interface KernelPeer extends Peer {
  /** Gives the volume back, clean. */
  end(): Promise<void>;
}

/** Mounts a volume; undefined where this process may not. `contents`: what a `put` brings. */
export async function kernelPeer(
  image: string,
  at: string,
  contents: readonly Uint8Array[],
): Promise<KernelPeer | undefined> {
  await mkdir(at, { recursive: true });
  const mounted = await run('mount', ['-o', 'loop', image, at]).then(
    () => true,
    () => false,
  );
  if (!mounted) return undefined;
  return {
    async apply(operations) {
      for (const operation of operations) await apply(at, operation, contents);
    },
    tree: () => directoryTree(at),
    end: async () => void (await run('umount', [at])),
  };
}

async function apply(root: string, operation: Operation, contents: readonly Uint8Array[]): Promise<void> {
  const path = join(root, operation.path);
  switch (operation.does) {
    case 'put':
      if (operation.replace) await unlink(path);
      await writeFile(path, contents[operation.content]!, { flag: 'wx' });
      await set(path, operation.attributes);
      break;
    case 'make-directory':
      await mkdir(path);
      await set(path, operation.attributes);
      break;
    case 'remove':
      await (operation.directory ? rmdir(path) : unlink(path));
      break;
    case 'remove-tree':
      await rm(path, { recursive: true });
  }
}

/** The owner first: a change of owner takes set-id bits away. */
async function set(path: string, { mode, uid, gid, mtime }: FileAttributes): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode);
  // As a number, a time before 1970 would be now.
  const time = new Date(mtime * 1000);
  await utimes(path, time, time);
}
