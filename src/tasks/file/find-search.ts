import { allow, concatBytes, fromUtf8, fromUtf8Lossy, KiB, utf8, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem, HostPath, OpenFile } from '../../ports/index.ts';
import { type ArgsOf, MOST_MATCHES, type ResultOf } from '../../protocol/index.ts';
import { baseName } from '../../storage/index.ts';
import { ContentsLook } from './find-contents.ts';
import { criteriaOf, type FindCriteria } from './find-criteria.ts';
import { FindWalk, faultOfPlace, type Place, type WalkVisitor } from './find-walk.ts';

type Match = ResultOf<'file.find'>['matches'][number];
type Found = Omit<ResultOf<'file.find'>, 'volume'>;

/** Matches and what was passed over fit into a receipt: 96 KiB less the envelope, the power trace and room to spare. */
const MATCH_BYTES = 48 * KiB;
const SKIPPED_BYTES = 12 * KiB;
/** What one costs beside its path. */
const MATCH_COST = 160;
const SKIPPED_COST = 24;
/** Names looked at for one answer. */
const ENTRIES_MAX = 5_000_000;

/** One page of a search. `onProgress` is waited for now and then, with the number of names looked at. */
export class Find implements WalkVisitor {
  readonly #fs: FileSystem;
  readonly #path: HostPath;
  readonly #args: ArgsOf<'file.find'>;
  readonly #onProgress: (seen: number) => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #criteria: FindCriteria;
  readonly #look: ContentsLook;
  readonly #matches: Match[] = [];
  readonly #skipped: { readonly path: string; readonly why: string }[] = [];
  #size = 0;
  #skippedSize = 0;
  #more = 0;
  #seen = 0;

  constructor(
    fs: FileSystem,
    path: HostPath,
    args: ArgsOf<'file.find'>,
    onProgress: (seen: number) => Promise<void>,
    signal: AbortSignal,
  ) {
    this.#fs = fs;
    this.#path = path;
    this.#args = args;
    this.#onProgress = onProgress;
    this.#signal = signal;
    this.#criteria = criteriaOf(args);
    this.#look = new ContentsLook(args);
  }

  async run(): Promise<Verdict<Found>> {
    const { after, maxDepth } = this.#args;
    const top = await this.#fs.stat(this.#path, true, this.#signal);
    if (!top.ok) return top;
    const entry = entryOf(baseName(this.#path), top.value);
    const goesOn = after !== undefined || (await this.#itself(entry, top.value));
    const walk = new FindWalk(this.#fs, this, { depth: maxDepth, entries: ENTRIES_MAX }, this.#signal);
    if (!goesOn) return allow(this.#answer(walk, []));
    if (top.value.kind !== 'directory' || maxDepth === 0) {
      if (top.value.kind !== 'directory') walk.files = 1;
      return allow(this.#answer(walk, undefined));
    }
    const walked = await walk.below(this.#path, top.value, after);
    return walked.ok ? allow(this.#answer(walk, walked.value.endedAt)) : walked;
  }

  #answer({ directories, files }: FindWalk, next: Place | undefined): Found {
    return {
      matches: this.#matches,
      visited: { directories, files },
      skipped: this.#skipped,
      ...(this.#more === 0 ? {} : { more: this.#more }),
      ...(next === undefined ? {} : { next: [...next] }),
    };
  }

  async #itself(entry: DirectoryEntry, stat: FileStat): Promise<boolean> {
    if (!this.wants(entry)) return true;
    return this.#judge([], stat, () => this.#fs.open(this.#path, this.#signal));
  }

  wants(entry: DirectoryEntry): boolean {
    return this.#criteria.byName(entry);
  }

  visit(place: Place, entry: DirectoryEntry, stat: FileStat): Promise<boolean> {
    return this.#judge(place, stat, () => this.#fs.byEntry.open(entry, this.#signal));
  }

  progress(seen: number): Promise<void> {
    this.#seen = seen;
    return this.#onProgress(seen);
  }

  async #judge(place: Place, stat: FileStat, open: () => Promise<Verdict<OpenFile>>): Promise<boolean> {
    if (!this.#criteria.byFacts(stat)) return true;
    const contents = this.#criteria.wantsContents ? await this.#contents(place, open) : {};
    if (contents === undefined) return true;
    const { path, raw } = this.#pathOf(place);
    const { kind, size, mode, uid, gid, mtime } = stat;
    const named = raw === undefined ? { path } : { path, raw };
    this.#matches.push({ ...named, kind, size, mode, uid, gid, mtime, ...contents });
    this.#size += MATCH_COST + utf8(path).byteLength + (raw?.byteLength ?? 0);
    return this.#matches.length < (this.#args.limit ?? MOST_MATCHES) && this.#size < MATCH_BYTES;
  }

  async #contents(place: Place, open: () => Promise<Verdict<OpenFile>>): ReturnType<ContentsLook['into']> {
    try {
      const file = await open();
      if (file.ok) {
        return await this.#look.into(file.value, this.#signal, () => this.#onProgress(this.#seen));
      }
      this.skip(place, file.refusal.sentence);
    } catch (error) {
      this.skip(place, faultOfPlace(error, this.#signal).sentence);
    }
    return undefined;
  }

  skip(place: Place, why: string): void {
    const { path } = this.#pathOf(place);
    const cost = SKIPPED_COST + utf8(path).byteLength + utf8(why).byteLength;
    if (this.#skippedSize + cost > SKIPPED_BYTES) {
      this.#more += 1;
      return;
    }
    this.#skippedSize += cost;
    this.#skipped.push({ path, why });
  }

  #pathOf(place: Place): { readonly path: string; readonly raw?: Uint8Array } {
    if (place.length === 0) return { path: this.#path };
    const top = this.#path === '/' ? [] : [utf8(this.#path)];
    const slash = Uint8Array.of(0x2f);
    const bytes = concatBytes(...top, ...place.flatMap((name) => [slash, name]));
    const path = fromUtf8(bytes);
    return path === undefined ? { path: fromUtf8Lossy(bytes), raw: bytes } : { path };
  }
}

function entryOf(name: string, { inode, kind }: FileStat): DirectoryEntry {
  return { name, rawName: utf8(name), inode, kind };
}
