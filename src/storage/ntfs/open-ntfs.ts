import { allow, refuse, utf8, type Verdict } from '../../base/index.ts';
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
import { hasControl } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import { type IndexEntry, WINDOWS } from './index-node.ts';
import { contentsRefusal, type NtfsNode } from './node.ts';
import { walkPath } from './path-walk.ts';
import { ATTRIBUTE, utf16 } from './records.ts';
import { isLinkTag } from './reparse.ts';
import { Upcase } from './upcase.ts';
import { NtfsVolume } from './volume.ts';

const VOLUME_RECORD = 3;
/** Records below belong to the filesystem itself: $MFT, $LogFile and so on, and the root. */
const FIRST_OF_USERS = 16;
const BOOT_BYTES = 512;
const LONE_SURROGATE = /\p{Surrogate}/u;

class NtfsFileSystem implements FileSystem {
  readonly facts: VolumeFacts;
  readonly #volume: NtfsVolume;
  readonly #upcase: Upcase;

  constructor(volume: NtfsVolume, upcase: Upcase, facts: VolumeFacts) {
    this.#volume = volume;
    this.#upcase = upcase;
    this.facts = facts;
  }

  async stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>> {
    return await overHostileBytes(async () => {
      const walked = await this.#walk(path, follow, signal);
      return walked.ok ? allow(walked.value.stat) : walked;
    });
  }

  async list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return await overHostileBytes(async () => {
      const walked = await this.#walk(path, true, signal);
      if (!walked.ok) return walked;
      const { record, reparse } = walked.value;
      if (!record.directory) return refuse('NOT_A_DIRECTORY', `${path} is not a directory.`);
      if (reparse?.is === 'other') {
        return refuse('FILE_UNSUPPORTED', `${path} is kept by Windows in a form not read here.`);
      }
      const directory = await NtfsDirectory.open(this.#volume, record, signal);
      return allow(this.#entries(directory, signal));
    });
  }

  async *#entries(directory: NtfsDirectory, signal?: AbortSignal): AsyncGenerator<DirectoryEntry> {
    const entries = directory.entries(signal);
    for (;;) {
      const entry = await overHostileBytes(() => entries.next());
      if (entry.done === true) return;
      const { namespace, record } = entry.value;
      if (namespace !== 'dos' && record >= FIRST_OF_USERS) yield shown(entry.value);
    }
  }

  async open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return await overHostileBytes(async () => {
      const walked = await this.#walk(path, true, signal);
      if (!walked.ok) return walked;
      const { record, stat } = walked.value;
      if (stat.kind === 'directory') return refuse('IS_A_DIRECTORY', `${path} is a directory.`);
      const unreadable = contentsRefusal(walked.value, path);
      if (unreadable !== undefined) return { ok: false, refusal: unreadable };
      const stream = await this.#volume.stream(record, ATTRIBUTE.data, '', signal);
      if (stream === undefined) return refuse('NOT_A_FILE', `${path} has no contents.`);
      const file: OpenFile = {
        stat,
        read: (offset, into, readSignal) => overHostileBytes(() => stream.read(offset, into, readSignal)),
      };
      return allow(file);
    });
  }

  #walk(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<NtfsNode>> {
    return walkPath(this.#volume, this.#upcase, path, follow, signal);
  }
}

function shown({ name, attributes, reparseTag, record }: IndexEntry): DirectoryEntry {
  const nameable = !LONE_SURROGATE.test(name) && !hasControl(name) && !name.includes('/');
  const link = (attributes & WINDOWS.reparsePoint) !== 0 && isLinkTag(reparseTag);
  const directory = (attributes & WINDOWS.directory) !== 0;
  return {
    name: nameable ? name : undefined,
    rawName: utf8(name),
    inode: record,
    kind: link ? 'symlink' : directory ? 'directory' : 'file',
  };
}

/**
 * Opens an NTFS volume for reading. Nothing is ever written, and its log is not replayed. Names are found whatever their
 * case; compressed and sparse files are read, encrypted ones and those that Windows keeps in another form are refused
 * with FILE_UNSUPPORTED. Throws NS_FS_CORRUPT.
 */
export async function openNtfs(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  return await overHostileBytes(async () => {
    const boot = new Uint8Array(BOOT_BYTES);
    await device.read(0, boot, signal);
    const volume = await NtfsVolume.open(device, boot, signal);
    const upcase = await Upcase.read(volume, signal);
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
    };
    return new NtfsFileSystem(volume, upcase, facts);
  });
}

/** 1601-01-01, and as far as whole seconds can be told from there. */
const EARLIEST_TIME = -11_644_473_600;
const LATEST_TIME = 253_402_300_799;

async function labelOf(volume: NtfsVolume, signal?: AbortSignal): Promise<string> {
  const { attributes } = await volume.record(VOLUME_RECORD, signal);
  const value = attributes.find(({ type }) => type === ATTRIBUTE.volumeName)?.value;
  return value !== undefined && 'resident' in value ? utf16(value.resident) : '';
}
