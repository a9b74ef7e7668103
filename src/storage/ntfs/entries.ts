import { allow, fromUtf8Lossy, type NsError, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, EntryReader, FileExtras, FileStat, OpenFile } from '../../ports/index.ts';
import { faultOfOne, overHostileBytes } from '../corrupt.ts';
import { hasControl } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import { extrasOf } from './extras.ts';
import { type IndexEntry, WINDOWS } from './index-node.ts';
import { contentsRefusal, type NtfsNode } from './node.ts';
import { nodeByReference } from './path-walk.ts';
import { ATTRIBUTE } from './records.ts';
import { isLinkTag } from './reparse.ts';
import { runExtents } from './run-extents.ts';
import type { SecurityDescriptors } from './security-index.ts';
import type { NtfsVolume } from './volume.ts';

/** Records below belong to the filesystem itself: $MFT, $LogFile and so on, and the root. */
const FIRST_OF_USERS = 16;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What a directory holds. `what` names it for people. */
export async function listNode(
  volume: NtfsVolume,
  { record, reparse }: NtfsNode,
  what: string,
  signal?: AbortSignal,
): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
  if (!record.directory) return refuse('NOT_A_DIRECTORY', `${what} is not a directory.`);
  if (reparse?.is === 'other') {
    return refuse('FILE_UNSUPPORTED', `${what} is kept by Windows in a form not read here.`);
  }
  return allow(entriesOf(await NtfsDirectory.open(volume, record, signal), signal));
}

async function* entriesOf(directory: NtfsDirectory, signal?: AbortSignal): AsyncGenerator<DirectoryEntry> {
  const entries = directory.entries(signal);
  for (;;) {
    const entry = await overHostileBytes(() => entries.next());
    if (entry.done === true) return;
    const { namespace, record } = entry.value;
    if (namespace !== 'dos' && record >= FIRST_OF_USERS) yield shown(entry.value);
  }
}

function shown({ name, attributes, reparseTag, record, sequence }: IndexEntry): DirectoryEntry {
  const nameable = !LONE_SURROGATE.test(name) && !hasControl(name) && !name.includes('/');
  const link = (attributes & WINDOWS.reparsePoint) !== 0 && isLinkTag(reparseTag);
  const directory = (attributes & WINDOWS.directory) !== 0;
  return {
    name: nameable ? name : undefined,
    rawName: utf8(name),
    inode: record,
    generation: sequence,
    kind: link ? 'symlink' : directory ? 'directory' : 'file',
  };
}

/** The contents of a file. `what` names it for people. */
export async function openNode(
  volume: NtfsVolume,
  node: NtfsNode,
  what: string,
  signal?: AbortSignal,
): Promise<Verdict<OpenFile>> {
  const { record, stat } = node;
  if (stat.kind === 'directory') return refuse('IS_A_DIRECTORY', `${what} is a directory.`);
  const unreadable = contentsRefusal(node, what);
  if (unreadable !== undefined) return { ok: false, refusal: unreadable };
  const stream = await volume.stream(record, ATTRIBUTE.data, '', signal);
  if (stream === undefined) return refuse('NOT_A_FILE', `${what} has no contents.`);
  const extents = runExtents(
    await volume.parts(record, ATTRIBUTE.data, '', signal),
    volume.layout.clusterSize,
  );
  return allow({
    stat,
    extents: (offset, length) => Promise.resolve(extents(offset, length)),
    read: (offset, into, readSignal) => overHostileBytes(() => stream.read(offset, into, readSignal)),
  });
}

/** Entries by the number of their record, which is looked at in the order of the table. */
export class NtfsEntries implements EntryReader {
  readonly #volume: NtfsVolume;
  readonly #descriptors: SecurityDescriptors;

  constructor(volume: NtfsVolume, descriptors: SecurityDescriptors) {
    this.#volume = volume;
    this.#descriptors = descriptors;
  }

  async stat(
    entries: readonly DirectoryEntry[],
    signal?: AbortSignal,
  ): Promise<readonly (FileStat | NsError)[]> {
    const told = new Array<FileStat | NsError>(entries.length);
    const inOrder = [...entries.entries()].sort(([, a], [, b]) => a.inode - b.inode);
    for (const [i, entry] of inOrder) {
      signal?.throwIfAborted();
      try {
        const { stat } = await this.#node(entry, signal);
        told[i] = entry.name === undefined ? stat : { ...stat, name: entry.name };
      } catch (error) {
        told[i] = faultOfOne(error, signal);
      }
    }
    return told;
  }

  async list(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return await overHostileBytes(async () =>
      listNode(this.#volume, await this.#node(entry, signal), fromUtf8Lossy(entry.rawName), signal),
    );
  }

  async open(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return await overHostileBytes(async () =>
      openNode(this.#volume, await this.#node(entry, signal), fromUtf8Lossy(entry.rawName), signal),
    );
  }

  async extras(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return await overHostileBytes(async () => {
      const node = await this.#node(entry, signal);
      return extrasOf(this.#volume, this.#descriptors, node, fromUtf8Lossy(entry.rawName), signal);
    });
  }

  #node({ inode, generation = 0, rawName }: DirectoryEntry, signal?: AbortSignal): Promise<NtfsNode> {
    const at = { record: inode, sequence: generation };
    return nodeByReference(this.#volume, at, fromUtf8Lossy(rawName), signal);
  }
}
