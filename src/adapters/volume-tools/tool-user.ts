import { lstatSync, readlinkSync } from 'node:fs';
import { chmod, chown, stat } from 'node:fs/promises';
import { isRoot } from './environment.ts';
import type { SandboxHost } from './sandbox.ts';
import type { VisiblePath } from './visible-path.ts';

/** Ids that no distribution gives out, and that a container of 65,536 ids has: 65,520 to 65,533. */
const FIRST_ID = 65_520;
const IDS = 14;
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

const taken = new Set<number>();

/** Lends a user that no other tool has now, as far as there are enough. A root has them to give; others keep their own. */
export function borrowUser(): { readonly uid: number; readonly gid: number; readonly giveBack: () => void } {
  if (!isRoot()) {
    return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, giveBack: () => {} };
  }
  let uid = FIRST_ID;
  while (taken.has(uid) && uid < FIRST_ID + IDS - 1) uid++;
  taken.add(uid);
  return { uid, gid: FIRST_ID, giveBack: () => void taken.delete(uid) };
}

let system: SandboxHost['system'] | undefined;
export function systemDirectories(): SandboxHost['system'] {
  system ??= SYSTEM.flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return [];
    return [found.isSymbolicLink() ? { path, target: readlinkSync(path) } : { path }];
  });
  return system;
}

/**
 * Lets the group of all tools read what is shown to one, and write what it may write. The directories above keep everyone
 * else from it, so it may stay so.
 */
export async function lendPaths(visible: readonly VisiblePath[], gid: number): Promise<void> {
  for (const { path, writable } of visible) {
    const found = await stat(path);
    const needed = 4 | (writable === true ? 2 : 0) | (found.isDirectory() ? 1 : 0);
    if ((found.mode & needed) === needed) continue;
    if (found.gid === gid && ((found.mode >> 3) & needed) === needed) continue;
    await chown(path, found.uid, gid);
    await chmod(path, (found.mode & 0o7777) | (needed << 3));
  }
}
