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
import { listNode, NtfsEntries, openNode } from './entries.ts';
import { extrasOf } from './extras.ts';
import type { NtfsNode } from './node.ts';
import { openVolume } from './open-volume.ts';
import { walkPath } from './path-walk.ts';
import { ATTRIBUTE, utf16 } from './records.ts';
import { SecurityDescriptors } from './security-index.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';

const VOLUME_RECORD = 3;

class NtfsFileSystem implements FileSystem {
  readonly facts: VolumeFacts;
  readonly byEntry: EntryReader;
  readonly #volume: NtfsVolume;
  readonly #descriptors: SecurityDescriptors;
  readonly #upcase: Upcase;

  constructor(volume: NtfsVolume, upcase: Upcase, facts: VolumeFacts) {
    this.#volume = volume;
    this.#upcase = upcase;
    this.facts = facts;
    this.#descriptors = new SecurityDescriptors(volume);
    this.byEntry = new NtfsEntries(volume, this.#descriptors);
  }

  stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>> {
    return this.#at(path, follow, signal, ({ stat }) => allow(stat));
  }

  list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return this.#at(path, true, signal, (node) => listNode(this.#volume, node, path, signal));
  }

  open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return this.#at(path, true, signal, (node) => openNode(this.#volume, node, path, signal));
  }

  extras(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return this.#at(path, follow, signal, (node) =>
      extrasOf(this.#volume, this.#descriptors, node, path, signal),
    );
  }

  async #at<T>(
    path: HostPath,
    follow: boolean,
    signal: AbortSignal | undefined,
    use: (node: NtfsNode) => Verdict<T> | Promise<Verdict<T>>,
  ): Promise<Verdict<T>> {
    return await overHostileBytes(async () => {
      const walked = await walkPath(this.#volume, this.#upcase, path, follow, signal);
      return walked.ok ? await use(walked.value) : walked;
    });
  }
}

/**
 * Opens an NTFS volume for reading. Nothing is ever written, and its log is not replayed. Names are found whatever their
 * case; compressed and sparse files are read, encrypted ones and those that Windows keeps in another form are refused
 * with FILE_UNSUPPORTED. Throws NS_FS_CORRUPT.
 */
export async function openNtfs(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  return await overHostileBytes(async () => {
    const { volume, upcase } = await openVolume(device, signal);
    const { clusterSize, size, uuid } = volume.layout;
    const facts: VolumeFacts = {
      type: 'ntfs',
      label: await labelOf(volume, signal),
      uuid,
      blockSize: clusterSize,
      size,
      lastWrite: EARLIEST_TIME,
      earliestTime: EARLIEST_TIME,
      latestTime: LATEST_TIME,
      limits: LIMITS,
    };
    return new NtfsFileSystem(volume, upcase, facts);
  });
}

/** 1601-01-01, and as far as whole seconds can be told from there. */
const EARLIEST_TIME = -11_644_473_600;
const LATEST_TIME = 253_402_300_799;

/** As its writer has them; owners of Windows are none that an order could name. */
const LIMITS: VolumeLimits = {
  caseless: true,
  owners: false,
  timeStep: 1e-7,
  largestFile: 2 ** 44 - 2 ** 16,
  symlinks: false,
  hardLinks: true,
  xattrs: false,
  holes: false,
};

async function labelOf(volume: NtfsVolume, signal?: AbortSignal): Promise<string> {
  const { attributes } = await volume.record(VOLUME_RECORD, signal);
  const value = attributes.find(({ type }) => type === ATTRIBUTE.volumeName)?.value;
  return value !== undefined && 'resident' in value ? utf16(value.resident) : '';
}
