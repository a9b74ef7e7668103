import { allow, refuse, utf8, type Verdict } from '../../base/index.ts';
import type { DirectoryEntry, OpenFile } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { hasControl } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import { type IndexEntry, WINDOWS } from './index-node.ts';
import { contentsRefusal, type NtfsNode } from './node.ts';
import { ATTRIBUTE } from './records.ts';
import { isLinkTag } from './reparse.ts';
import { runExtents } from './run-extents.ts';
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
