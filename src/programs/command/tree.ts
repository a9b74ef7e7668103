import { stat } from 'node:fs/promises';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { type PackedTree, packTree } from '../../adapters/pack-tree.ts';
import { NsError } from '../../base/index.ts';
import { baseName, type PutArgs, parseOwner, parsePlace, stageArgs } from '../../fleet/index.ts';
import type { Context } from './context.ts';
import { flag, type PutOptions, putArgs } from './wipe.ts';

export interface TreeOptions {
  readonly recursive?: true;
}

/**
 * A directory is another archive with every option and every change in it: what is signed now and sent later by somebody
 * else is one that stays. NS_USAGE.
 */
export async function mustBeArchive(local: string): Promise<void> {
  if (await isFile(local)) return;
  throw new NsError(
    'NS_USAGE',
    `${local} is no archive: in two places a tree goes as one; make it with "tar --format=pax -c -f tree.tar -C ${local} ."`,
    { family: 'caller' },
  );
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** What is sent by put -r: a local directory as an archive, or an archive as it is. NS_LOCAL_FILE, NS_USAGE. */
async function openTree(
  local: string,
  o: PutOptions,
  signal: AbortSignal,
): Promise<Omit<PackedTree, 'entries'>> {
  if (o.mode !== undefined || o.mtime !== 'keep') {
    throw new NsError('NS_USAGE', '--mode and --mtime are for one file, and go without -r', {
      family: 'caller',
    });
  }
  if (!(await isFile(local))) {
    const owner = o.owner === undefined ? {} : { owner: parseOwner(o.owner) };
    return packTree(local, {
      ...owner,
      preserve: o.preserve === true,
      privileges: o.privileges === true,
      signal,
    });
  }
  if (o.owner === undefined) return openLocalFile(local, signal);
  throw new NsError('NS_USAGE', 'an archive says itself who owns what in it: --owner goes with a directory', {
    family: 'caller',
  });
}

/** The order for it, without size and hash. */
function treeArgs(local: string, path: string, o: PutOptions & TreeOptions): PutArgs {
  return {
    ...parsePlace(
      path.length > 1 && path.endsWith('/') && !path.endsWith(':/') ? path + (baseName(local) ?? '') : path,
    ),
    tree: true,
    ...flag('privileged', o.privileges),
    ...flag('lossy', o.lossy),
    ...flag('replace', o.replace),
    ...flag('parents', o.parents),
    ...flag('replay', o.replay),
    ...flag('dryRun', o.dryRun),
    ...stageArgs(o),
  };
}

/** What a put sends, and its order without size and hash. */
export async function whatToPut(
  { signal }: Context,
  local: string,
  path: string,
  o: PutOptions & TreeOptions,
): Promise<{ readonly file: Omit<PackedTree, 'entries'>; readonly args: PutArgs }> {
  if (o.recursive === true) return { file: await openTree(local, o, signal), args: treeArgs(local, path, o) };
  const file = await openLocalFile(local, signal);
  try {
    return { file, args: await putArgs(local, path, o, file.mtime) };
  } catch (error) {
    await file.close();
    throw error;
  }
}
