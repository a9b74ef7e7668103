import { stat } from 'node:fs/promises';
import { openLocalFile } from './adapters/operator-files.ts';
import { type PackedTree, packTree } from './adapters/pack-tree.ts';
import { NsError } from './base/index.ts';
import { baseName, type PutArgs, parseOwner, parsePlace, stageArgs } from './fleet/index.ts';
import { flag, type PutOptions } from './fleet-cli-wipe.ts';

export interface TreeOptions {
  readonly recursive?: true;
}

/** What is sent by put -r: a local directory as an archive, or an archive as it is. NS_LOCAL_FILE, NS_USAGE. */
export async function openTree(
  local: string,
  o: PutOptions,
  signal: AbortSignal,
): Promise<Omit<PackedTree, 'entries'>> {
  if (o.mode !== undefined || o.mtime !== 'keep') {
    throw new NsError('NS_USAGE', '--mode and --mtime are for one file, and go without -r', {
      family: 'caller',
    });
  }
  const isFile = await stat(local).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) {
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
export function treeArgs(local: string, path: string, o: PutOptions & TreeOptions): PutArgs {
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
