import { allow, fromUtf8, fromUtf8Lossy, refuse, type Verdict } from '../../base/index.ts';
import type {
  BlockDevice,
  DirectoryEntry,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeFacts,
} from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { contentsOf } from './contents.ts';
import { directoryBlocks } from './directory.ts';
import { type Ext4Inode, INODE_FLAG, statOf } from './inode.ts';
import { NameLookup } from './name-lookup.ts';
import { linkTarget, readableDirectory, walkPath } from './path-walk.ts';
import { type Ext4Volume, openVolume } from './volume.ts';

function factsOf(volume: Ext4Volume): VolumeFacts {
  const { type, label, uuid, blockSize, blocksCount, freeCount, clusterSize, lastWrite, inodeSize } =
    volume.layout.superblock;
  return {
    type,
    label,
    uuid,
    blockSize,
    size: blocksCount * blockSize,
    free: freeCount * clusterSize,
    lastWrite,
    earliestTime: -(2 ** 31),
    // Larger inodes have two bits more for each time.
    latestTime: (inodeSize > 128 ? 2 ** 34 : 2 ** 32) - 2 ** 31 - 1,
  };
}

class Ext4FileSystem implements FileSystem {
  readonly facts: VolumeFacts;
  readonly #volume: Ext4Volume;
  readonly #lookup: NameLookup;

  constructor(volume: Ext4Volume) {
    this.#volume = volume;
    this.#lookup = new NameLookup(volume);
    this.facts = factsOf(volume);
  }

  async stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>> {
    return await overHostileBytes(async () => {
      const walked = await walkPath(this.#volume, this.#lookup, path, follow, signal);
      if (!walked.ok) return walked;
      const inode = walked.value;
      if (inode.kind !== 'symlink' || (inode.flags & INODE_FLAG.encrypt) !== 0) return allow(statOf(inode));
      const target = await linkTarget(this.#volume, inode, signal);
      return allow(statOf(inode, fromUtf8Lossy(target)));
    });
  }

  async list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return await overHostileBytes(async () => {
      const walked = await walkPath(this.#volume, this.#lookup, path, true, signal);
      if (!walked.ok) return walked;
      const readable = readableDirectory(walked.value, path);
      return readable.ok ? allow(this.#entries(walked.value, signal)) : readable;
    });
  }

  async *#entries(inode: Ext4Inode, signal?: AbortSignal): AsyncGenerator<DirectoryEntry> {
    const blocks = directoryBlocks(this.#volume, inode, signal);
    for (;;) {
      const block = await overHostileBytes(() => blocks.next());
      if (block.done === true) return;
      for (const entry of block.value) yield { ...entry, name: fromUtf8(entry.rawName) };
    }
  }

  async open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return await overHostileBytes(async () => {
      const walked = await walkPath(this.#volume, this.#lookup, path, true, signal);
      if (!walked.ok) return walked;
      const inode = walked.value;
      if (inode.kind === 'directory') return refuse('IS_A_DIRECTORY', `${path} is a directory.`);
      if (inode.kind !== 'file')
        return refuse('NOT_A_FILE', `${path} is a ${inode.kind}, not a regular file.`);
      if ((inode.flags & INODE_FLAG.encrypt) !== 0) {
        return refuse('FILE_UNSUPPORTED', `${path} is encrypted by the filesystem.`);
      }
      const read = contentsOf(this.#volume, inode);
      const file: OpenFile = {
        stat: statOf(inode),
        read: (offset, into, readSignal) => overHostileBytes(() => read(offset, into, readSignal)),
      };
      return allow(file);
    });
  }
}

/**
 * Opens an ext2, ext3 or ext4 volume for reading. Nothing is ever written, and a dirty journal is not replayed: open
 * a replayed overlay for that. Throws NS_FS_CORRUPT; NS_FS_UNSUPPORTED where the gate would have refused.
 */
export async function openExt4(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  return new Ext4FileSystem(await overHostileBytes(() => openVolume(device, signal)));
}
