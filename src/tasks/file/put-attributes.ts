import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { ExtendedAttribute, FileAttributes, FileStat, VolumeFacts } from '../../ports/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { SET_IDS } from '../../security/index.ts';
import { aclFault, aclMode, aclWithMode } from '../../storage/index.ts';

/** What is there already that a new file takes its attributes from, where the order does not say. */
export interface Surroundings {
  /** The extended attributes of the file that is replaced; undefined where there is none. */
  readonly replaced?: readonly ExtendedAttribute[];
  /** Those of the directory that a new file or directory comes into. */
  readonly directory?: readonly ExtendedAttribute[];
}

export interface AttributesOfPut {
  readonly file: FileAttributes;
  /** Of directories that are made for it. */
  readonly directory: FileAttributes;
  /** What the order asks for and this filesystem does not keep, or the kernel would not have kept either. */
  readonly notes: readonly string[];
}

type PutArgs = ArgsOf<'file.download'>;

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const READ_ONLY_MODE = 0o444;
const STICKY = 0o1000;
const PERMISSIONS = 0o777;
const ACL = 'system.posix_acl_access';
const DEFAULT_ACL = 'system.posix_acl_default';
const LABEL = 'security.selinux';
/** Linux takes the capabilities from a file that anybody writes to. */
const CAPABILITIES = 'security.capability';
/** As VolumeFacts.xattrRoom counts. */
const XATTR_OWN = 22;

/** Owner, mode, time and extended attributes of a file that is put. `mtime` is judged already. */
export function attributesOfPut(
  args: PutArgs,
  mtime: number,
  stat: FileStat | undefined,
  volume: VolumeFacts,
  around: Surroundings,
): Verdict<AttributesOfPut> {
  const owner = { uid: args.uid ?? stat?.uid ?? 0, gid: args.gid ?? stat?.gid ?? 0 };
  const time = { mtime, ...nanosecondsOf(args, mtime, volume) };
  const notes = [...notKept(args, mtime, volume)];
  const ordered = args.xattrs ?? [];
  const mode = modeOf(args, stat, notes);
  if (volume.limits?.xattrs === false) {
    if (ordered.length > 0 && args.lossy !== true) return refuse('XATTRS_UNSUPPORTED', undefined, LOSSY);
    if (ordered.length > 0) notes.push(`this filesystem keeps no ${namesOf(ordered)}; the file is without`);
    const plain = { ...owner, ...time };
    return allow({ file: { ...plain, mode }, directory: { ...plain, mode: DIRECTORY_MODE }, notes });
  }
  for (const { name, value } of ordered) {
    const fault = name === ACL ? aclFault(value) : name === DEFAULT_ACL ? 'it is for directories' : undefined;
    if (fault !== undefined) return refuse('XATTR_INVALID', `${name} cannot be set: ${fault}.`);
  }
  const base = around.replaced === undefined ? inherited(around) : kept(around.replaced, ordered, notes);
  const fit = fitting(
    base,
    ordered,
    volume.xattrRoom ?? Number.POSITIVE_INFINITY,
    args.lossy === true,
    notes,
  );
  if (!fit.ok) return fit;
  const settled = withAcl(fit.value, mode, args, stat);
  return allow({
    file: { ...owner, ...time, ...settled },
    directory: { ...owner, ...time, mode: DIRECTORY_MODE, ...listed(forDirectory(around)) },
    notes,
  });
}

/** As where anybody writes to a file: it runs no more as its owner. */
function modeOf(args: PutArgs, stat: FileStat | undefined, notes: string[]): number {
  if (args.mode !== undefined) return args.mode;
  if (stat === undefined) return FILE_MODE;
  if ((stat.mode & SET_IDS) === 0) return stat.mode;
  notes.push('the set-id bits that the file had are gone; order the mode to set them');
  return stat.mode & ~SET_IDS;
}

const LOSSY = 'Leave them out, or say --lossy to have the file without them.';

function nanosecondsOf(
  { mtime: asked, mtimeNanoseconds = 0 }: PutArgs,
  mtime: number,
  { limits }: VolumeFacts,
): { readonly mtimeNanoseconds?: number } {
  const step = Math.round((limits?.timeStep ?? 1e-9) * 1e9);
  if (asked !== mtime || step >= 1e9) return {};
  const kept = mtimeNanoseconds - (mtimeNanoseconds % Math.max(1, step));
  return kept === 0 ? {} : { mtimeNanoseconds: kept };
}

/** Of a mode, a filesystem without owners keeps whether anybody may write; nothing else would show from one put to the next. */
function notKept(args: PutArgs, mtime: number, { limits }: VolumeFacts): string[] {
  if (limits === undefined) return [];
  const { owners, timeStep } = limits;
  const shown = args.mode === undefined || args.mode === FILE_MODE || args.mode === READ_ONLY_MODE;
  return [
    ...(!owners && (args.uid !== undefined || args.gid !== undefined)
      ? ['this filesystem keeps no owner and no group; those of the order are not kept']
      : []),
    ...(!owners && !shown ? ['of the mode, this filesystem keeps only whether the file may be written'] : []),
    ...(args.mtime !== undefined && args.mtime !== mtime
      ? ['this filesystem keeps even seconds; the time of the file is the even second before the one ordered']
      : []),
    ...(timeStep === 1 && (args.mtimeNanoseconds ?? 0) > 0
      ? ['this filesystem keeps whole seconds; the part of a second of the order is not kept']
      : []),
  ];
}

/** What a file that is put over keeps. */
function kept(
  replaced: readonly ExtendedAttribute[],
  ordered: readonly ExtendedAttribute[],
  notes: string[],
): readonly ExtendedAttribute[] {
  const lost =
    replaced.some(({ name }) => name === CAPABILITIES) && !ordered.some(({ name }) => name === CAPABILITIES);
  if (lost) notes.push('the file had capabilities; as after any write to it, they are gone');
  return replaced.filter(({ name }) => name !== CAPABILITIES);
}

/** What Linux gives to a file made in this directory: its label, and its default ACL for an ACL. */
function inherited({ directory = [] }: Surroundings): readonly ExtendedAttribute[] {
  return directory.flatMap(({ name, value }) => {
    if (name === LABEL) return [{ name, value }];
    return name === DEFAULT_ACL && aclFault(value) === undefined ? [{ name: ACL, value }] : [];
  });
}

function forDirectory(around: Surroundings): readonly ExtendedAttribute[] {
  const defaults = (around.directory ?? []).filter(({ name }) => name === DEFAULT_ACL);
  const own = inherited(around).map(({ name, value }) => ({
    name,
    value: name === ACL ? aclWithMode(value, DIRECTORY_MODE) : value,
  }));
  return own.some(({ name }) => name === ACL) ? [...own, ...defaults] : own;
}

/** The ordered ones in the place of those of the same name, as far as there is room. */
function fitting(
  base: readonly ExtendedAttribute[],
  ordered: readonly ExtendedAttribute[],
  room: number,
  lossy: boolean,
  notes: string[],
): Verdict<ReadonlyMap<string, Uint8Array>> {
  const all = new Map(base.map(({ name, value }) => [name, value]));
  const dropped: ExtendedAttribute[] = [];
  for (const attribute of ordered) {
    const before = all.get(attribute.name);
    all.set(attribute.name, attribute.value);
    if (sizeOf(all) <= room) continue;
    if (!lossy) {
      return refuse(
        'XATTRS_TOO_LARGE',
        `The extended attributes of a file have ${room} bytes here at most.`,
        LOSSY,
      );
    }
    if (before === undefined) all.delete(attribute.name);
    else all.set(attribute.name, before);
    dropped.push(attribute);
  }
  if (dropped.length > 0) notes.push(`there is no room for ${namesOf(dropped)}; the file is without`);
  return allow(all);
}

function sizeOf(all: ReadonlyMap<string, Uint8Array>): number {
  let size = 0;
  for (const [name, value] of all) size += Buffer.byteLength(name) + value.byteLength + XATTR_OWN;
  return size;
}

/** Mode and ACL say the same: an ordered mode changes the ACL, and an ordered ACL the mode. */
function withAcl(
  all: ReadonlyMap<string, Uint8Array>,
  mode: number,
  args: PutArgs,
  stat: FileStat | undefined,
): { readonly mode: number; readonly xattrs?: readonly ExtendedAttribute[] } {
  const acl = all.get(ACL);
  if (acl === undefined || aclFault(acl) !== undefined) return { mode, ...listed(fromMap(all)) };
  const orders = args.xattrs?.some(({ name }) => name === ACL) === true;
  const byAcl = args.mode === undefined && (orders || stat === undefined);
  const inheritedMode = stat === undefined && !orders ? aclMode(acl) & FILE_MODE_INHERITED : aclMode(acl);
  const settled = byAcl ? (mode & (SET_IDS | STICKY)) | inheritedMode : mode;
  const changed = new Map(all).set(ACL, aclWithMode(acl, settled & PERMISSIONS));
  return { mode: settled, ...listed(fromMap(changed)) };
}

/** A file that is made is not made to be run. */
const FILE_MODE_INHERITED = 0o666;

function fromMap(all: ReadonlyMap<string, Uint8Array>): ExtendedAttribute[] {
  return [...all].map(([name, value]) => ({ name, value }));
}

function listed(xattrs: readonly ExtendedAttribute[]): { readonly xattrs?: readonly ExtendedAttribute[] } {
  return xattrs.length === 0 ? {} : { xattrs: [...xattrs].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function namesOf(xattrs: readonly ExtendedAttribute[]): string {
  return xattrs.map(({ name }) => name).join(', ');
}
