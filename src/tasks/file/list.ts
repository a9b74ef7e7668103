import { allow, fromUtf8Lossy, KiB, minutes, NsError, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, FileStat, FileSystem, HostPath } from '../../ports/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { baseName, expandGlob, hasGlob, parseHostPath } from '../../storage/index.ts';
import type { TaskKind } from '../task.ts';
import { type Breathe, breather } from './give-way.ts';
import { behind, sortedEntries, type Wanted } from './sorted-entries.ts';
import { withVolume } from './volume-access.ts';
import { walk } from './walk.ts';

type Entry = ResultOf<'file.list'>['entries'][number];

/** A page fits into a receipt: 96 KiB less the envelope, the power trace and room to spare. */
const PAGE_BYTES = 64 * KiB;
const PAGE_ENTRIES = 1000;
/** What an entry costs beside its names. */
const ENTRY_BYTES = 90;

/** One thing to list: its name in the answer, and how to describe it. */
interface Listed {
  readonly name: string;
  readonly describe: () => Promise<Entry>;
}

export const fileList: TaskKind<'file.list'> = {
  verb: 'file.list',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(30),
  noProgress: minutes(2),
  async run({ args }, context): Promise<Verdict<ResultOf<'file.list'>>> {
    const path = parseHostPath(args.path);
    if (!path.ok) return path;
    return withVolume(context, args, 'read', async ({ fs, note, signal }) => {
      const from = { fs, signal, breathe: breather(context.services.clock) };
      const page = await fillPage(source(from, path.value, args), args, (done) =>
        context.progress('reading', done),
      );
      return page.ok ? allow({ volume: note, ...page.value }) : page;
    });
  },
};

async function fillPage(
  listed: AsyncIterable<Verdict<Listed>>,
  { limit }: ArgsOf<'file.list'>,
  onProgress: (done: number) => void,
): Promise<Verdict<{ entries: Entry[]; next?: string }>> {
  const entries: Entry[] = [];
  let size = 0;
  let seen = 0;
  let last = '';
  for await (const item of listed) {
    if (!item.ok) return item;
    seen += 1;
    if (seen % 256 === 0) onProgress(seen);
    const entry = await item.value.describe();
    const cost =
      ENTRY_BYTES +
      utf8(entry.name).byteLength +
      utf8(entry.target ?? '').byteLength +
      (entry.raw?.byteLength ?? 0);
    if (
      entries.length > 0 &&
      (entries.length >= Math.min(limit ?? PAGE_ENTRIES, PAGE_ENTRIES) || size + cost > PAGE_BYTES)
    ) {
      return allow({ entries, next: last });
    }
    entries.push(entry);
    size += cost;
    last = item.value.name;
  }
  return allow({ entries });
}

interface From {
  readonly fs: FileSystem;
  readonly signal: AbortSignal;
  readonly breathe: Breathe;
}

/** What the order names, in a fixed order, from behind the place where the page before it ended. */
async function* source(
  from: From,
  path: HostPath,
  args: ArgsOf<'file.list'>,
): AsyncGenerator<Verdict<Listed>, void> {
  const { after } = args;
  const { fs, signal } = from;
  if (args.literal !== true && hasGlob(path)) {
    yield* goOn(globbed(fs, path, signal), after);
    return;
  }
  const top = await fs.stat(path, true, signal);
  if (!top.ok) {
    yield top;
    return;
  }
  if (top.value.kind !== 'directory') {
    yield allow({
      name: baseName(path),
      describe: () => Promise.resolve(entryOf(baseName(path), top.value)),
    });
  } else if (args.recursive === true) {
    const names = isExact(after) ? after.split('/').map(utf8) : undefined;
    yield* goOn(below(from, path, names), isExact(after) ? undefined : after);
  } else {
    // The name to go on behind, a page, and one that says that there is more.
    const some = { first: PAGE_ENTRIES + 2, from: after === undefined ? undefined : utf8(after) };
    if (after === undefined || isExact(after)) yield* children(from, path, some);
    else yield* goOn(children(from, path, {}), after);
  }
}

/** A name that is not UTF-8 was shown with something in its place, and is found only by going through all. */
function isExact(after: string | undefined): after is string {
  return after !== undefined && !after.includes('\ufffd');
}

/** What comes behind the one of this name. */
async function* goOn(
  listed: AsyncIterable<Verdict<Listed>>,
  after: string | undefined,
): AsyncGenerator<Verdict<Listed>, void> {
  let started = after === undefined;
  for await (const item of listed) {
    if (started || !item.ok) yield item;
    else started = item.value.name === after;
    if (!item.ok) return;
  }
  if (!started) yield nothingAfter(after);
}

function nothingAfter(name: string | undefined): Verdict<never> {
  return refuse('NO_SUCH_FILE', `There is no ${name} to go on after.`, 'List again from the start.');
}

async function* below(
  { fs, signal, breathe }: From,
  path: HostPath,
  after: readonly Uint8Array[] | undefined,
): AsyncGenerator<Verdict<Listed>, void> {
  for await (const node of walk(fs, path, { signal, breathe, after })) {
    if (!node.ok) {
      yield node;
      return;
    }
    const { path: full, entry, stat } = node.value;
    const name =
      full === undefined ? fromUtf8Lossy(entry.rawName) : full.slice(path === '/' ? 1 : path.length + 1);
    yield allow({
      name,
      describe: () => Promise.resolve(stat === undefined ? unnamed(entry) : entryOf(name, stat)),
    });
  }
}

async function* children(
  { fs, signal, breathe }: From,
  path: HostPath,
  part: Pick<Wanted, 'from' | 'first'>,
): AsyncGenerator<Verdict<Listed>, void> {
  const sorted = await sortedEntries(await fs.list(path, signal), path, { signal, breathe, ...part });
  if (!sorted.ok) {
    yield sorted;
    return;
  }
  let entries: readonly DirectoryEntry[] = sorted.value;
  if (part.from !== undefined) {
    const first = entries[0]?.rawName;
    if (first === undefined || Buffer.compare(first, part.from) !== 0) {
      yield nothingAfter(fromUtf8Lossy(part.from));
      return;
    }
    entries = behind(entries, part.from);
  }
  const described = inBatches(fs, entries, signal);
  for (const [i, entry] of entries.entries()) {
    const { name } = entry;
    if (name === undefined) {
      yield allow({ name: fromUtf8Lossy(entry.rawName), describe: () => Promise.resolve(unnamed(entry)) });
    } else yield allow({ name, describe: async () => entryOf(name, await described(i)) });
  }
}

/** The facts about one entry after another, of as many at once as a page has. A fault of one is thrown for it alone. */
function inBatches(
  fs: FileSystem,
  entries: readonly DirectoryEntry[],
  signal: AbortSignal,
): (at: number) => Promise<FileStat> {
  let from = 0;
  let stats: readonly (FileStat | NsError)[] = [];
  return async (at) => {
    if (at < from || at >= from + stats.length) {
      from = at;
      stats = await fs.byEntry.stat(entries.slice(at, at + PAGE_ENTRIES), signal);
    }
    const stat = stats[at - from]!;
    if (stat instanceof NsError) throw stat;
    return stat;
  };
}

async function* globbed(
  fs: FileSystem,
  pattern: HostPath,
  signal: AbortSignal,
): AsyncGenerator<Verdict<Listed>, void> {
  const found = await expandGlob(fs, pattern, signal);
  if (!found.ok) {
    yield found;
    return;
  }
  for (const path of found.value) {
    yield allow({
      name: path,
      describe: async () => {
        const stat = await fs.stat(path, false, signal);
        return stat.ok ? entryOf(path, stat.value) : { name: path, kind: 'unknown' };
      },
    });
  }
}

function entryOf(name: string, { kind, size, mode, uid, gid, mtime, target }: FileStat): Entry {
  return { name, kind, size, mode, uid, gid, mtime, ...(target === undefined ? {} : { target }) };
}

/** A name that is not UTF-8 is shown, with its bytes, and cannot be used in an order. */
function unnamed(entry: DirectoryEntry): Entry {
  return { name: fromUtf8Lossy(entry.rawName), raw: entry.rawName, kind: entry.kind };
}
