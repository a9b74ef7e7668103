import { allow, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { pathNames } from '../host-path.ts';
import { contentsOf } from './contents.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import type { NameLookup } from './name-lookup.ts';
import type { Ext4Volume } from './volume.ts';

const ROOT_INODE = 2;
/** As many symbolic links as the kernel follows on one path. */
const MAX_LINKS = 40;
const MAX_TARGET = 4095;
const SLASH = 0x2f;
const DOT = 0x2e;
const INLINE_TARGET = 60;

/** Where a symbolic link leads, as stored: not necessarily UTF-8. */
export async function linkTarget(
  volume: Ext4Volume,
  inode: Ext4Inode,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (inode.size === 0 || inode.size > MAX_TARGET) {
    throw corrupt(`symbolic link inode ${inode.number} has a target of ${inode.size} bytes`);
  }
  if ((inode.flags & INODE_FLAG.inlineData) === 0 && inode.size < INLINE_TARGET) {
    return inode.block.subarray(0, inode.size);
  }
  const target = new Uint8Array(inode.size);
  await contentsOf(volume, inode)(0, target, signal);
  return target;
}

/** The names of a link target, last first; empty ones are dropped, as the kernel does. */
function targetNames(target: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  let end = target.byteLength;
  for (let at = target.byteLength - 1; at >= -1; at -= 1) {
    if (at >= 0 && target[at] !== SLASH) continue;
    if (end > at + 1) names.push(target.subarray(at + 1, end));
    end = at;
  }
  return names;
}

const isDot = (name: Uint8Array): boolean => name.byteLength === 1 && name[0] === DOT;
const isDotDot = (name: Uint8Array): boolean => name.byteLength === 2 && name[0] === DOT && name[1] === DOT;

/** Refuses directories whose names this reader cannot tell. */
export function readableDirectory(inode: Ext4Inode, what: string): Verdict<void> {
  if (inode.kind !== 'directory') return refuse('NOT_A_DIRECTORY', `${what} is not a directory.`);
  if ((inode.flags & INODE_FLAG.encrypt) !== 0) {
    return refuse('FILE_UNSUPPORTED', `${what} is an encrypted directory.`);
  }
  if ((inode.flags & INODE_FLAG.casefold) !== 0) {
    return refuse('FILE_UNSUPPORTED', `${what} is a directory that ignores upper and lower case.`);
  }
  return allow(undefined);
}

/**
 * Follows a path to its inode. Symbolic links never lead out of the volume: an absolute target starts at the volume's
 * root, and ".." at the root stays there. With `follow` false a final link is the answer itself.
 */
export async function walkPath(
  volume: Ext4Volume,
  lookup: NameLookup,
  path: HostPath,
  follow: boolean,
  signal?: AbortSignal,
): Promise<Verdict<Ext4Inode>> {
  const root = await volume.inode(ROOT_INODE, signal);
  if (root.kind !== 'directory') throw corrupt('the root is not a directory');
  let trail: Ext4Inode[] = [root];
  const ahead: Uint8Array[] = pathNames(path).map(utf8).reverse();
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    signal?.throwIfAborted();
    const here = trail.at(-1)!;
    const readable = readableDirectory(here, `Part of ${path}`);
    if (!readable.ok) return readable;
    if (isDot(name)) continue;
    if (isDotDot(name)) {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const number = await lookup.find(here, name, signal);
    if (number === undefined) return refuse('NO_SUCH_FILE', `There is no ${path}.`);
    const inode = await volume.inode(number, signal);
    if (inode.kind !== 'symlink' || (ahead.length === 0 && !follow)) {
      trail.push(inode);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return refuse('SYMLINK_LOOP', `${path} has too many symbolic links.`);
    if ((inode.flags & INODE_FLAG.encrypt) !== 0) {
      return refuse('FILE_UNSUPPORTED', `${path} leads through an encrypted symbolic link.`);
    }
    const target = await linkTarget(volume, inode, signal);
    if (target[0] === SLASH) trail = [root];
    ahead.push(...targetNames(target));
  }
  return allow(trail.at(-1)!);
}
