import { allow, milliseconds, type Verdict } from '../../base/index.ts';
import type { Clock, DirectoryEntry, FileSystem, OpenFile } from '../../ports/index.ts';

/** So long nothing else happens in this process: a host that wants to wake waits no longer to be heard. */
const LONGEST_TURN = milliseconds(20);

/** Waited for now and then by whoever has much to do. */
export type Breathe = (signal: AbortSignal) => Promise<void>;

/**
 * Lets others have their turn after a while: what is read may all lie in memory, or be holes, and then no read would ever
 * wait.
 */
export function breather(clock: Clock): Breathe {
  let last = clock.monotonic();
  return async (signal) => {
    if (clock.monotonic() - last < LONGEST_TURN) return;
    await clock.sleep(milliseconds(0), signal);
    last = clock.monotonic();
  };
}

/** Names of a directory between two breaths. */
const NAMES = 256;

/** The same filesystem, whose files and directories give way while they are read. */
export function considerate(fs: FileSystem, clock: Clock): FileSystem {
  const breathe = breather(clock);
  const unstopped = new AbortController().signal;
  const giving = (opened: Verdict<OpenFile>): Verdict<OpenFile> => {
    if (!opened.ok) return opened;
    const file = opened.value;
    return allow({
      stat: file.stat,
      ...(file.extents === undefined
        ? {}
        : {
            extents: async (offset: number, length: number, signal?: AbortSignal) => {
              await breathe(signal ?? unstopped);
              return (await file.extents?.(offset, length, signal)) ?? [];
            },
          }),
      read: async (offset, into, signal) => {
        await breathe(signal ?? unstopped);
        signal?.throwIfAborted();
        return await file.read(offset, into, signal);
      },
    });
  };
  const named = (listing: Verdict<AsyncIterable<DirectoryEntry>>): Verdict<AsyncIterable<DirectoryEntry>> =>
    listing.ok ? allow(inTurns(listing.value, () => breathe(unstopped))) : listing;
  const { facts, byEntry } = fs;
  return {
    facts,
    stat: (path, follow, signal) => fs.stat(path, follow, signal),
    list: async (path, signal) => named(await fs.list(path, signal)),
    open: async (path, signal) => giving(await fs.open(path, signal)),
    extras: (path, follow, signal) => fs.extras(path, follow, signal),
    byEntry: {
      stat: (entries, signal) => byEntry.stat(entries, signal),
      list: async (directory, signal) => named(await byEntry.list(directory, signal)),
      open: async (file, signal) => giving(await byEntry.open(file, signal)),
      extras: (entry, signal) => byEntry.extras(entry, signal),
    },
  };
}

/** The same, one breath each so many. Costs nothing between them. */
function inTurns<T>(all: AsyncIterable<T>, breathe: () => Promise<void>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const each = all[Symbol.asyncIterator]();
      let given = 0;
      return {
        next: () => {
          given += 1;
          return given % NAMES === 0 ? breathe().then(() => each.next()) : each.next();
        },
        return: async (value) => (await each.return?.(value)) ?? { done: true, value },
      };
    },
  };
}
