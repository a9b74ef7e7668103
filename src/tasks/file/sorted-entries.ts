import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, HostPath } from '../../ports/index.ts';
import type { Breathe } from './give-way.ts';

/** One directory may not hold more than this for an order that looks at all of it. */
const ENTRIES_MAX = 200_000;
/** Sorted in one turn: some milliseconds. */
const TURN = 4096;

export interface Wanted {
  readonly signal: AbortSignal;
  readonly breathe?: Breathe | undefined;
  /** The bytes of a name: only it and those behind it. */
  readonly from?: Uint8Array | undefined;
  /** So many of the first ones are enough. */
  readonly first?: number | undefined;
  /** More than this in the directory are refused. */
  readonly most?: number | undefined;
}

/**
 * A directory's entries in the order of the bytes of their names; where only the first ones are wanted no more than twice as
 * many are held at a time. TOO_MANY_FILES past the limit.
 */
export async function sortedEntries(
  listing: Verdict<AsyncIterable<DirectoryEntry>>,
  path: HostPath,
  { signal, breathe = unhurried, from, first, most = ENTRIES_MAX }: Wanted,
): Promise<Verdict<DirectoryEntry[]>> {
  if (!listing.ok) return listing;
  let entries: DirectoryEntry[] = [];
  let seen = 0;
  for await (const entry of listing.value) {
    seen += 1;
    if (seen > most) return refuse('TOO_MANY_FILES', `${path} holds more than ${most} entries.`);
    if (from !== undefined && Buffer.compare(entry.rawName, from) < 0) continue;
    entries.push(entry);
    if (first !== undefined && entries.length >= 2 * first) {
      await breathe(signal);
      entries = entries.sort(byName).slice(0, first);
    }
  }
  const sorted = await sortInTurns(entries, () => breathe(signal));
  return allow(first === undefined ? sorted : sorted.slice(0, first));
}

/** Of entries in order, which begin with those of this name, all that are not of it. */
export function behind(entries: readonly DirectoryEntry[], name: Uint8Array): readonly DirectoryEntry[] {
  const next = entries.findIndex(({ rawName }) => Buffer.compare(rawName, name) !== 0);
  return next < 0 ? [] : entries.slice(next);
}

const unhurried: Breathe = () => Promise.resolve();

function byName(a: DirectoryEntry, b: DirectoryEntry): number {
  return Buffer.compare(a.rawName, b.rawName);
}

/** Sorts, with others having their turn in between. */
async function sortInTurns(
  entries: readonly DirectoryEntry[],
  breathe: () => Promise<void>,
): Promise<DirectoryEntry[]> {
  let runs: DirectoryEntry[][] = [];
  for (let at = 0; at < entries.length; at += TURN) {
    runs.push(entries.slice(at, at + TURN).sort(byName));
    await breathe();
  }
  while (runs.length > 1) {
    const longer: DirectoryEntry[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      longer.push(await merge(runs[at]!, runs[at + 1] ?? [], breathe));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merge(
  a: readonly DirectoryEntry[],
  b: readonly DirectoryEntry[],
  breathe: () => Promise<void>,
): Promise<DirectoryEntry[]> {
  const merged: DirectoryEntry[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const takeA = j >= b.length || (i < a.length && byName(a[i]!, b[j]!) <= 0);
    merged.push(takeA ? a[i]! : b[j]!);
    if (takeA) i += 1;
    else j += 1;
    if (merged.length % TURN === 0) await breathe();
  }
  return merged;
}
