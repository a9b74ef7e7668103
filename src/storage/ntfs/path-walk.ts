import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { pathNames } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import { type NtfsNode, nodeOf } from './node.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';

const ROOT_RECORD = 5;
const MAX_LINKS = 40;

/**
 * Follows a path to its file or directory, whatever the case of its letters. Links that name a place beside them are
 * followed, never above the root; one that names a drive is refused. With `follow` false a final link is the answer.
 */
export async function walkPath(
  volume: NtfsVolume,
  upcase: Upcase,
  path: HostPath,
  follow: boolean,
  signal?: AbortSignal,
): Promise<Verdict<NtfsNode>> {
  const trail = [await nodeOf(volume, await volume.record(ROOT_RECORD, signal), signal)];
  const ahead = pathNames(path).reverse();
  for (let links = 0, name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    signal?.throwIfAborted();
    const here = trail.at(-1)!;
    const fault = notADirectory(here, path);
    if (fault !== undefined) return fault;
    if (name === '.' || name === '') continue;
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const next = await childOf(volume, upcase, here, name, signal);
    if (next === undefined) return refuse('NO_SUCH_FILE', `There is no ${path}.`);
    if (next.reparse?.is !== 'link' || (ahead.length === 0 && !follow)) {
      trail.push(next);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return refuse('SYMLINK_LOOP', `${path} has too many links.`);
    if (!next.reparse.within) {
      return refuse('FILE_UNSUPPORTED', `${path} leads through a link to a drive: ${next.reparse.target}.`);
    }
    ahead.push(...next.reparse.target.split('/').reverse());
  }
  return allow(trail.at(-1)!);
}

function notADirectory({ record, reparse }: NtfsNode, path: HostPath): Verdict<never> | undefined {
  if (!record.directory) return refuse('NOT_A_DIRECTORY', `Part of ${path} is not a directory.`);
  return reparse?.is === 'other'
    ? refuse('FILE_UNSUPPORTED', `Part of ${path} is kept by Windows in a form not read here.`)
    : undefined;
}

/** What answers to a name in a directory, in this case before any other; a short name stands for the long one beside it. */
async function childOf(
  volume: NtfsVolume,
  upcase: Upcase,
  { record }: NtfsNode,
  name: string,
  signal?: AbortSignal,
): Promise<NtfsNode | undefined> {
  const directory = await NtfsDirectory.open(volume, record, signal);
  const found = await directory.named(name, upcase, signal);
  const entry = found.find((each) => each.name === name) ?? found[0];
  if (entry === undefined) return undefined;
  const node = await nodeByReference(volume, entry, name, signal);
  const stored = entry.namespace === 'dos' ? longName(node, record.number) : entry.name;
  return { ...node, stat: { ...node.stat, name: stored ?? entry.name } };
}

function longName({ names }: NtfsNode, parent: number): string | undefined {
  return names.find((each) => each.parent === parent && each.namespace === 'win32')?.name;
}

/** The file that a directory's entry means; NS_FS_CORRUPT where its record has been given to another since. */
export async function nodeByReference(
  volume: NtfsVolume,
  { record, sequence }: { readonly record: number; readonly sequence: number },
  name: string,
  signal?: AbortSignal,
): Promise<NtfsNode> {
  const found = await volume.record(record, signal);
  if (!found.inUse || found.sequence !== sequence) {
    throw corrupt(`"${name}" leads to record ${record}, which is another file's`);
  }
  return await nodeOf(volume, found, signal);
}
