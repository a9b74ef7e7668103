import { allow, refuse, type Verdict } from '../base/index.ts';
import type { FileSystem, HostPath } from '../ports/index.ts';
import { compileGlob, literalName } from './glob.ts';
import { joinPath, pathNames } from './host-path.ts';

export interface GlobLimits {
  /** Paths in the answer. */
  readonly matches: number;
  /** Names looked at on the way. */
  readonly visited: number;
}

type Names = Pick<FileSystem, 'stat' | 'list'>;

const DEFAULT_LIMITS: GlobLimits = { matches: 10_000, visited: 1_000_000 };

/** Refusals that only mean that a path does not fit. */
const NOT_THERE = ['NO_SUCH_FILE', 'NOT_A_DIRECTORY', 'SYMLINK_LOOP'];

/** The paths of one directory that fit a segment. */
class Expansion {
  readonly #fs: Names;
  readonly #limits: GlobLimits;
  #visited = 0;

  constructor(fs: Names, limits: GlobLimits) {
    this.#fs = fs;
    this.#limits = limits;
  }

  async step(
    directory: HostPath,
    segment: string,
    into: HostPath[],
    signal?: AbortSignal,
  ): Promise<Verdict<void>> {
    const literal = literalName(segment);
    if (literal !== undefined) {
      const path = joinPath(directory, literal);
      const stat = await this.#fs.stat(path, false, signal);
      if (!stat.ok) return NOT_THERE.includes(stat.refusal.code) ? allow(undefined) : stat;
      return this.#add(path, into);
    }
    const glob = compileGlob(segment);
    const entries = await this.#fs.list(directory, signal);
    if (!entries.ok) return NOT_THERE.includes(entries.refusal.code) ? allow(undefined) : entries;
    for await (const { name } of entries.value) {
      this.#visited += 1;
      if (this.#visited > this.#limits.visited) return refuse('TOO_MANY_FILES');
      if (name === undefined || !glob(name)) continue;
      const added = this.#add(joinPath(directory, name), into);
      if (!added.ok) return added;
    }
    return allow(undefined);
  }

  #add(path: HostPath, into: HostPath[]): Verdict<void> {
    if (into.length >= this.#limits.matches) {
      return refuse('TOO_MANY_FILES', `More than ${this.#limits.matches} paths fit the pattern.`);
    }
    into.push(path);
    return allow(undefined);
  }
}

/**
 * The paths that fit a pattern, sorted; each segment is a pattern of its own (see `compileGlob`). A final symbolic link
 * counts as itself, one before it as the directory that it leads to. Names that are not UTF-8 fit nothing. Refuses with
 * NO_SUCH_FILE where nothing fits, TOO_MANY_FILES past the limits.
 */
export async function expandGlob(
  fs: Names,
  pattern: HostPath,
  signal?: AbortSignal,
  limits: GlobLimits = DEFAULT_LIMITS,
): Promise<Verdict<readonly HostPath[]>> {
  const expansion = new Expansion(fs, limits);
  let paths: HostPath[] = ['/'];
  for (const segment of pathNames(pattern)) {
    const next: HostPath[] = [];
    for (const directory of paths) {
      signal?.throwIfAborted();
      const done = await expansion.step(directory, segment, next, signal);
      if (!done.ok) return done;
    }
    paths = next;
  }
  if (paths.length === 0) return refuse('NO_SUCH_FILE', `Nothing fits ${pattern}.`);
  return allow(paths.sort());
}
