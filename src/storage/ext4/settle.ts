import { KiB, NsError } from '../../base/index.ts';
import type { EditableVolume, FileContent, HostPath } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { readContent } from '../placed-content.ts';
import { mapOf } from './contents.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import { type InodeFields, writeInode } from './inode-fields.ts';
import { NameLookup } from './name-lookup.ts';
import { walkPath } from './path-walk.ts';
import { type Ext4Volume, openVolume } from './volume.ts';
import { type FileRun, markWritten } from './written-extents.ts';

const CHUNK = 256 * KiB;

/** What a name on the volume is to be in the end. */
export interface Settled {
  readonly path: HostPath;
  readonly fields: InodeFields;
  /** Of a new file, which has blocks for all of it but its holes. */
  readonly content?: FileContent;
}

/**
 * Gives inodes that are there already what they are to say, and files that have their blocks what they are to hold, in
 * this order. Throws NS_EDIT_NOT_MADE where one is not there, and NS_FS_CORRUPT.
 */
export async function settleExt4(
  device: EditableVolume,
  settled: readonly Settled[],
  signal: AbortSignal,
): Promise<void> {
  await overHostileBytes(async () => {
    const volume = await openVolume(device, signal);
    const lookup = new NameLookup(volume);
    for (const { path, fields, content } of settled) {
      const found = await walkPath(volume, lookup, path, false, signal);
      if (!found.ok) throw notMade(path, `was not made: ${found.refusal.sentence}`);
      const inode = found.value;
      if (content === undefined || content.size === 0) {
        await writeInode(volume, device, inode, fields, undefined, signal);
        continue;
      }
      if (inode.kind !== 'file' || inode.size !== 0) throw notMade(path, 'is no new file');
      const { runs, root } = await blocksOf(volume, device, inode, path, content.size, signal);
      await writeInode(volume, device, inode, { ...fields, size: content.size }, root, signal);
      for (const run of runs) await fill(device, volume.blockSize, run, content, signal);
    }
  });
}

async function blocksOf(
  volume: Ext4Volume,
  device: EditableVolume,
  inode: Ext4Inode,
  path: string,
  size: number,
  signal: AbortSignal,
): Promise<{ readonly runs: readonly FileRun[]; readonly root?: Uint8Array }> {
  if ((inode.flags & INODE_FLAG.inlineData) !== 0) throw notMade(path, 'has no blocks');
  if ((inode.flags & INODE_FLAG.extents) !== 0) return markWritten(volume, device, inode, signal);
  const map = mapOf(volume, inode);
  const runs: FileRun[] = [];
  const blocks = Math.ceil(size / volume.blockSize);
  for (let logical = 0; logical < blocks; ) {
    signal.throwIfAborted();
    const { physical, count } = await map.find(logical, signal);
    if (physical !== 0) runs.push({ logical, physical, count: Math.min(count, blocks - logical) });
    logical += count;
  }
  return { runs };
}

async function fill(
  device: EditableVolume,
  blockSize: number,
  { logical, physical, count }: FileRun,
  content: FileContent,
  signal: AbortSignal,
): Promise<void> {
  const [offset, length, from] = [physical * blockSize, count * blockSize, logical * blockSize];
  if (device.place !== undefined) return device.place(offset, length, content, from);
  for (let at = 0; at < length; at += CHUNK) {
    const part = new Uint8Array(Math.min(CHUNK, length - at));
    await readContent(content, from + at, part, signal);
    await device.write(offset + at, part, signal);
  }
}

function notMade(path: HostPath, what: string): NsError {
  return new NsError('NS_EDIT_NOT_MADE', `${path} ${what}`);
}
