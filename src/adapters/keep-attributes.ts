import { chmod, chown, utimes } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ExtendedAttribute } from '../ports/index.ts';
import { runBeside } from './local-tool.ts';
import { writeXattrs } from './local-xattrs.ts';
import { localFault } from './operator-part.ts';

/** What is known of a file of a host, as far as a local one can have it. */
export interface KnownAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly mtimeNanoseconds?: number | undefined;
  readonly atime?: number | undefined;
  readonly xattrs?: readonly { readonly name: string; readonly value?: Uint8Array | undefined }[] | undefined;
}

const PERMISSIONS = 0o777;

/**
 * Gives a fetched file the mode and the time of the host's. With `preserve` its owner, all of its mode, and its extended
 * attributes as well, as far as this user may. Gives back what could not be kept, a line each; NS_LOCAL_FILE where not
 * even mode and time can be set.
 */
export async function keepAttributes(
  path: string,
  known: KnownAttributes,
  preserve: boolean,
): Promise<readonly string[]> {
  const lost: string[] = [];
  const owned = preserve && (await giveOwner(path, known, lost));
  if (preserve) await giveXattrs(path, known, lost);
  try {
    await chmod(path, owned ? known.mode : withoutOwner(known.mode));
    await utimes(path, preserve ? (known.atime ?? known.mtime) : known.mtime, known.mtime);
    await giveFraction(path, known);
  } catch (error) {
    throw localFault(path, 'given its mode and time', error);
  }
  if (preserve && !owned && known.mode > PERMISSIONS) lost.push('set-id bits: they are another owner\u2019s');
  return lost;
}

/** Node's times are floating-point numbers, which cannot tell nanoseconds of this century apart; touch can. */
async function giveFraction(path: string, { mtime, mtimeNanoseconds = 0 }: KnownAttributes): Promise<void> {
  if (mtimeNanoseconds === 0 || mtime < 0) return;
  const at = `@${mtime}.${String(mtimeNanoseconds).padStart(9, '0')}`;
  await runBeside('touch', ['-m', '-d', at, '--', `./${basename(path)}`], path, 'coreutils');
}

/**
 * The permissions that mean no more here than on the host: its group is another one, so the group may what everybody may.
 */
export function withoutOwner(mode: number): number {
  const everybody = mode & 0o007;
  return (mode & 0o700) | (mode & (everybody << 3)) | everybody;
}

async function giveOwner(path: string, { uid, gid }: KnownAttributes, lost: string[]): Promise<boolean> {
  try {
    await chown(path, uid, gid);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    lost.push(`owner ${uid}:${gid}: ${code === 'EPERM' ? 'only root may give a file away' : String(code)}`);
    return false;
  }
}

async function giveXattrs(path: string, { xattrs = [] }: KnownAttributes, lost: string[]): Promise<void> {
  const untold = xattrs.filter(({ value }) => value === undefined).map(({ name }) => name);
  if (untold.length > 0) lost.push(`${untold.join(', ')}: the answer did not have room for it`);
  const told = xattrs.filter((each): each is ExtendedAttribute => each.value !== undefined);
  // What a filesystem says of itself is no attribute of another's file.
  const foreign = told.filter(({ name }) => /^system\.(?!posix_acl_)/.test(name)).map(({ name }) => name);
  if (foreign.length > 0) lost.push(`${foreign.join(', ')}: only a filesystem of its kind has that`);
  const { missing, why } = await writeXattrs(
    path,
    told.filter(({ name }) => !foreign.includes(name)),
  );
  if (missing.length > 0) lost.push(`${missing.join(', ')}: ${why}`);
}
