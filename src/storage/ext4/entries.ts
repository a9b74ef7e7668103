import { allow, fromUtf8Lossy, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileExtras, FileStat, OpenFile } from '../../ports/index.ts';
import { faultOfOne, overHostileBytes } from '../corrupt.ts';
import { contentsOf } from './contents.ts';
import { directoryBlocks } from './directory.ts';
import { extentsOf } from './file-extents.ts';
import { type Ext4Inode, INODE_FLAG, statOf } from './inode.ts';
import { readInodes } from './many-inodes.ts';
import { linkTarget, readableDirectory } from './path-walk.ts';
import type { Ext4Volume } from './volume.ts';

/** What a reader is told of an inode; with where it leads, for a symbolic link. */
export async function describe(
  volume: Ext4Volume,
  inode: Ext4Inode,
  signal?: AbortSignal,
): Promise<FileStat> {
  if (inode.kind !== 'symlink' || (inode.flags & INODE_FLAG.encrypt) !== 0) return statOf(inode);
  return statOf(inode, fromUtf8Lossy(await linkTarget(volume, inode, signal)));
}

/** The same of what directories name, with a fault in the place of what cannot be told. */
export async function describeMany(
  volume: Ext4Volume,
  entries: readonly DirectoryEntry[],
  signal?: AbortSignal,
): Promise<readonly (FileStat | NsError)[]> {
  const inodes = await readInodes(
    volume,
    entries.map(({ inode }) => inode),
    signal,
  );
  const told: (FileStat | NsError)[] = [];
  for (const inode of inodes) {
    if (inode instanceof NsError) told.push(inode);
    else if (inode.kind !== 'symlink') told.push(statOf(inode));
    else {
      told.push(await describe(volume, inode, signal).catch((error: unknown) => faultOfOne(error, signal)));
    }
  }
  return told;
}

/** What a directory holds. `what` names it for people. */
export function listInode(
  volume: Ext4Volume,
  inode: Ext4Inode,
  what: string,
  signal?: AbortSignal,
): Verdict<AsyncIterable<DirectoryEntry>> {
  const readable = readableDirectory(inode, what);
  return readable.ok ? allow(entriesOf(volume, inode, signal)) : readable;
}

async function* entriesOf(
  volume: Ext4Volume,
  inode: Ext4Inode,
  signal?: AbortSignal,
): AsyncGenerator<DirectoryEntry> {
  const blocks = directoryBlocks(volume, inode, signal);
  for (;;) {
    const block = await overHostileBytes(() => blocks.next());
    if (block.done === true) return;
    for (const entry of block.value) yield entry;
  }
}

/** The contents of a regular file. `what` names it for people. */
export function openInode(volume: Ext4Volume, inode: Ext4Inode, what: string): Verdict<OpenFile> {
  if (inode.kind === 'directory') return refuse('IS_A_DIRECTORY', `${what} is a directory.`);
  if (inode.kind !== 'file') return refuse('NOT_A_FILE', `${what} is a ${inode.kind}, not a regular file.`);
  if ((inode.flags & INODE_FLAG.encrypt) !== 0) {
    return refuse('FILE_UNSUPPORTED', `${what} is encrypted by the filesystem.`);
  }
  const read = contentsOf(volume, inode);
  const extents = extentsOf(volume, inode);
  return allow({
    stat: statOf(inode),
    read: (offset, into, readSignal) => overHostileBytes(() => read(offset, into, readSignal)),
    extents: (offset, length, told) => overHostileBytes(() => extents(offset, length, told)),
  });
}

/** What an inode carries beside its contents; how that is kept is loaded where it is asked for. `what` names it for people. */
export async function extrasOfInode(
  volume: Ext4Volume,
  inode: Ext4Inode,
  what: string,
  signal?: AbortSignal,
): Promise<Verdict<FileExtras>> {
  const { extrasOf } = await import('./attributes.ts');
  return await extrasOf(volume, inode, what, signal);
}
