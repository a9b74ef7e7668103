import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileKind, FileStat, FileSystem, HostPath } from '../../ports/index.ts';
import { joinPath } from '../../storage/index.ts';
import type { Breathe } from './give-way.ts';
import { behind, sortedEntries } from './sorted-entries.ts';

const DEPTH_MAX = 128;
/**
 * So many siblings are in hand at once, and their facts asked for together; for more of them the directory is read again.
 * Whoever goes on behind a node seldom comes so far.
 */
const TOGETHER = 2048;

/** A node met on a walk; `path` is absent where a name on the way is not UTF-8. */
export interface WalkNode {
  readonly path: HostPath | undefined;
  readonly entry: DirectoryEntry;
  readonly kind: FileKind | 'unknown';
  readonly stat?: FileStat;
}

export interface WalkOptions {
  readonly signal: AbortSignal;
  /** Waited for now and then. */
  readonly breathe?: Breathe | undefined;
  /** The names on the way to a node, as the bytes on disk: the walk goes on behind it. */
  readonly after?: readonly Uint8Array[] | undefined;
  /** More than this in one directory are refused. */
  readonly most?: number | undefined;
}

/** True once a refusal was given, which ends the walk. */
type Steps = AsyncGenerator<Verdict<WalkNode>, boolean>;

/**
 * Everything below a directory, each directory before what is in it, siblings in the order of their bytes. Symlinks are
 * not followed. A refusal ends the walk and is the last thing given: NO_SUCH_FILE where there is no node to go on behind,
 * VOLUME_DAMAGED where the directories lead round in a circle.
 */
export async function* walk(
  fs: FileSystem,
  top: HostPath,
  options: WalkOptions,
): AsyncGenerator<Verdict<WalkNode>, void> {
  yield* new Walk(fs, options).below(() => fs.list(top, options.signal), top, 0, options.after ?? []);
}

type List = () => Promise<Verdict<AsyncIterable<DirectoryEntry>>>;

class Walk {
  readonly #fs: FileSystem;
  readonly #options: WalkOptions;
  readonly #entered = new Set<number>();

  constructor(fs: FileSystem, options: WalkOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  async *below(list: List, path: HostPath, depth: number, after: readonly Uint8Array[]): Steps {
    let from = after[0];
    const rest = after.slice(1);
    for (let resumed = from !== undefined; ; resumed = false) {
      const part = { ...this.#options, from, first: TOGETHER };
      const sorted = await sortedEntries(await list(), path, part);
      if (!sorted.ok) {
        yield sorted;
        return true;
      }
      const [entry] = sorted.value;
      if (resumed) {
        if (entry === undefined || Buffer.compare(entry.rawName, from!) !== 0) {
          yield nothingAfter(path);
          return true;
        }
        if (yield* this.#goOn(entry, path, depth, rest)) return true;
      }
      const entries = from === undefined ? sorted.value : behind(sorted.value, from);
      if (yield* this.#siblings(entries, path, depth)) return true;
      const last = entries.at(-1);
      if (last === undefined || sorted.value.length < TOGETHER) return false;
      from = last.rawName;
    }
  }

  async *#siblings(entries: readonly DirectoryEntry[], path: HostPath, depth: number): Steps {
    const stats = await this.#stats(entries);
    for (const [i, entry] of entries.entries()) {
      const node = nodeOf(path, entry, stats[i]!);
      yield allow(node);
      if (yield* this.#enter(node, depth)) return true;
    }
    return false;
  }

  /** What is behind a node that was given before: first what is in it. */
  async *#goOn(entry: DirectoryEntry, path: HostPath, depth: number, after: readonly Uint8Array[]): Steps {
    const [stat] = await this.#stats([entry]);
    const node = nodeOf(path, entry, stat!);
    if (after.length > 0 && node.kind !== 'directory') {
      yield nothingAfter(path);
      return true;
    }
    return yield* this.#enter(node, depth, after);
  }

  async *#enter({ path, entry, kind }: WalkNode, depth: number, after: readonly Uint8Array[] = []): Steps {
    if (kind !== 'directory' || path === undefined) return false;
    if (depth >= DEPTH_MAX) {
      yield refuse('TOO_MANY_FILES', `${path} lies more than ${DEPTH_MAX} directories deep.`);
      return true;
    }
    if (this.#entered.has(entry.inode)) {
      yield refuse('VOLUME_DAMAGED', `At ${path} the directories lead round in a circle.`);
      return true;
    }
    this.#entered.add(entry.inode);
    const list = () => this.#fs.byEntry.list({ ...entry, kind }, this.#options.signal);
    return yield* this.below(list, path, depth + 1, after);
  }

  async #stats(entries: readonly DirectoryEntry[]): Promise<readonly (FileStat | NsError)[]> {
    const { signal, breathe } = this.#options;
    signal.throwIfAborted();
    await breathe?.(signal);
    return await this.#fs.byEntry.stat(entries, signal);
  }
}

function nothingAfter(path: HostPath): Verdict<never> {
  return refuse(
    'NO_SUCH_FILE',
    `Below ${path} the file is gone after which the list was to go on.`,
    'List again from the start.',
  );
}

/** What is there by this name. What cannot be told of a named one is thrown. */
function nodeOf(parent: HostPath, entry: DirectoryEntry, stat: FileStat | NsError): WalkNode {
  if (entry.name === undefined) return { path: undefined, entry, kind: entry.kind };
  if (stat instanceof NsError) throw stat;
  return { path: joinPath(parent, entry.name), entry, kind: stat.kind, stat };
}
