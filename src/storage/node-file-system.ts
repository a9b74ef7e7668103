import { allow, fromUtf8Lossy, type NsError, type Verdict } from '../base/index.ts';
import type {
  DirectoryEntry,
  EntryReader,
  FileExtras,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeFacts,
} from '../ports/index.ts';
import { faultOfOne, overHostileBytes } from './corrupt.ts';

/**
 * How one kind of filesystem finds a node, its record of a file or directory, and what it tells of one. `what` names it
 * for people. Everything may throw what a decoder throws over hostile bytes.
 */
export interface NodeReader<Node> {
  /** With `follow` false a final symlink is meant itself. */
  walk(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<Node>>;
  find(entry: DirectoryEntry, signal?: AbortSignal): Promise<Node>;
  stat(node: Node, signal?: AbortSignal): FileStat | Promise<FileStat>;
  /** As EntryReader.stat, where there is a cheaper way than one after the other. */
  statMany?(
    entries: readonly DirectoryEntry[],
    signal?: AbortSignal,
  ): Promise<readonly (FileStat | NsError)[]>;
  list(node: Node, what: string, signal?: AbortSignal): Answer<AsyncIterable<DirectoryEntry>>;
  open(node: Node, what: string, signal?: AbortSignal): Answer<OpenFile>;
  extras(node: Node, what: string, signal?: AbortSignal): Answer<FileExtras>;
}

type Answer<T> = Verdict<T> | Promise<Verdict<T>>;

/** A filesystem that finds its nodes by path, and by the entries of its directories. */
export class NodeFileSystem<Node> implements FileSystem {
  readonly facts: VolumeFacts;
  readonly byEntry: EntryReader;
  readonly #reader: NodeReader<Node>;

  constructor(facts: VolumeFacts, reader: NodeReader<Node>) {
    this.facts = facts;
    this.byEntry = new NodeEntries(reader);
    this.#reader = reader;
  }

  stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>> {
    return this.#at(path, follow, signal, async (node) => allow(await this.#reader.stat(node, signal)));
  }

  list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return this.#at(path, true, signal, (node) => this.#reader.list(node, path, signal));
  }

  open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return this.#at(path, true, signal, (node) => this.#reader.open(node, path, signal));
  }

  extras(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return this.#at(path, follow, signal, (node) => this.#reader.extras(node, path, signal));
  }

  async #at<T>(
    path: HostPath,
    follow: boolean,
    signal: AbortSignal | undefined,
    use: (node: Node) => Answer<T>,
  ): Promise<Verdict<T>> {
    return await overHostileBytes(async () => {
      const walked = await this.#reader.walk(path, follow, signal);
      return walked.ok ? await use(walked.value) : walked;
    });
  }
}

class NodeEntries<Node> implements EntryReader {
  readonly #reader: NodeReader<Node>;

  constructor(reader: NodeReader<Node>) {
    this.#reader = reader;
  }

  async stat(
    entries: readonly DirectoryEntry[],
    signal?: AbortSignal,
  ): Promise<readonly (FileStat | NsError)[]> {
    if (this.#reader.statMany !== undefined) return await this.#reader.statMany(entries, signal);
    const told = new Array<FileStat | NsError>(entries.length);
    const inOrder = [...entries.entries()].sort(([, a], [, b]) => a.inode - b.inode);
    for (const [i, entry] of inOrder) {
      signal?.throwIfAborted();
      try {
        const stat = await this.#reader.stat(await this.#reader.find(entry, signal), signal);
        told[i] = entry.name === undefined ? stat : { ...stat, name: entry.name };
      } catch (error) {
        told[i] = faultOfOne(error, signal);
      }
    }
    return told;
  }

  list(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return this.#at(entry, signal, (node, what) => this.#reader.list(node, what, signal));
  }

  open(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return this.#at(entry, signal, (node, what) => this.#reader.open(node, what, signal));
  }

  extras(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return this.#at(entry, signal, (node, what) => this.#reader.extras(node, what, signal));
  }

  async #at<T>(
    entry: DirectoryEntry,
    signal: AbortSignal | undefined,
    use: (node: Node, what: string) => Answer<T>,
  ): Promise<Verdict<T>> {
    return await overHostileBytes(
      async () => await use(await this.#reader.find(entry, signal), fromUtf8Lossy(entry.rawName)),
    );
  }
}
