import { allow, type Verdict } from '../../base/index.ts';
import type {
  BlockDevice,
  DirectoryEntry,
  EntryReader,
  FileExtras,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeFacts,
  VolumeLimits,
} from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { describe, Ext4Entries, extrasOfInode, listInode, openInode } from './entries.ts';
import { COMPAT } from './features.ts';
import type { Ext4Inode } from './inode.ts';
import { NameLookup } from './name-lookup.ts';
import { walkPath } from './path-walk.ts';
import { type Ext4Volume, openVolume } from './volume.ts';

/** The head of an attribute block, and the zeros that end its names. */
const XATTR_BLOCK_OWN = 36;

/** Inodes of 128 bytes have no room for parts of a second; a volume may be without extended attributes. */
function limitsOf(inodeSize: number, xattrs: boolean): VolumeLimits | undefined {
  if (inodeSize > 128 && xattrs) return undefined;
  return {
    caseless: false,
    owners: true,
    timeStep: inodeSize > 128 ? 1e-9 : 1,
    largestFile: Number.MAX_SAFE_INTEGER,
    xattrs,
  };
}

function factsOf(volume: Ext4Volume): VolumeFacts {
  const { type, label, uuid, blockSize, blocksCount, freeCount, clusterSize, lastWrite, inodeSize, compat } =
    volume.layout.superblock;
  const limits = limitsOf(inodeSize, (compat & COMPAT.extAttr) !== 0);
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
    xattrRoom: blockSize - XATTR_BLOCK_OWN,
    ...(limits === undefined ? {} : { limits }),
  };
}

class Ext4FileSystem implements FileSystem {
  readonly facts: VolumeFacts;
  readonly byEntry: EntryReader;
  readonly #volume: Ext4Volume;
  readonly #lookup: NameLookup;

  constructor(volume: Ext4Volume) {
    this.#volume = volume;
    this.#lookup = new NameLookup(volume);
    this.facts = factsOf(volume);
    this.byEntry = new Ext4Entries(volume);
  }

  stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>> {
    return this.#at(path, follow, signal, async (inode) =>
      allow(await describe(this.#volume, inode, signal)),
    );
  }

  list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return this.#at(path, true, signal, (inode) => listInode(this.#volume, inode, path, signal));
  }

  open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return this.#at(path, true, signal, (inode) => openInode(this.#volume, inode, path));
  }

  extras(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return this.#at(path, follow, signal, (inode) => extrasOfInode(this.#volume, inode, path, signal));
  }

  async #at<T>(
    path: HostPath,
    follow: boolean,
    signal: AbortSignal | undefined,
    use: (inode: Ext4Inode) => Verdict<T> | Promise<Verdict<T>>,
  ): Promise<Verdict<T>> {
    return await overHostileBytes(async () => {
      const walked = await walkPath(this.#volume, this.#lookup, path, follow, signal);
      return walked.ok ? await use(walked.value) : walked;
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
