import { allow, refuse, type Verdict } from '../../base/index.ts';
import type {
  ExtendedAttribute,
  FileAttributes,
  FileStat,
  HostPath,
  VolumeEdit,
  VolumeFacts,
} from '../../ports/index.ts';
import { type ArgsOf, type EffectNote, isXattrName } from '../../protocol/index.ts';
import { privilegesIn } from '../../security/index.ts';
import {
  aclFault,
  baseName,
  checkWritableName,
  joinPath,
  parentPath,
  parseHostPath,
} from '../../storage/index.ts';
import { contentOf } from './archive-content.ts';
import type { TreeEntry } from './index-archive.ts';
import { judgePlace, ownName } from './judge-tree-place.ts';
import { checkProtected, foldPath } from './protect.ts';
import { attributesOfPut, type Surroundings } from './put-attributes.ts';
import { DEFAULT_ACL, withDefaults } from './tree-directory.ts';
import type { TreePutFacts, TreePutPlan } from './tree-put.ts';

/** Of files of FAT and NTFS, which an archive of those tells of. */
const FOREIGN = /^system\.(?!posix_acl_)/;

/** May this tree be put there, and what becomes of what is there? All of it, or a refusal that names the first that may not. */
export async function planTreePut(
  args: ArgsOf<'file.download'>,
  entries: readonly TreeEntry[],
  facts: TreePutFacts,
  breathe: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<Verdict<TreePutPlan>> {
  const planning = new Planning(args, facts);
  const newest = entries.reduce((latest, { held }) => Math.max(latest, held.mtime), 0);
  const parents = await planning.addParents(newest, signal);
  if (!parents.ok) return parents;
  for (const entry of entries) {
    await breathe(signal);
    const added = await planning.add(entry, signal);
    if (!added.ok) return added;
  }
  return planning.done();
}

class Planning {
  readonly #args: ArgsOf<'file.download'>;
  readonly #facts: TreePutFacts;
  readonly #volume: VolumeFacts;
  readonly #edits: VolumeEdit[] = [];
  readonly #changes: EffectNote['changes'] = [];
  readonly #replaced: HostPath[] = [];
  readonly #made: HostPath[] = [];
  readonly #privileges = new Set<string>();
  readonly #notes = new Map<string, number>();
  readonly #tree = { files: 0, directories: 0, symlinks: 0, links: 0, replaced: 0, bytes: 0 };
  /** Directories of the tree that are there already; all others are new, and so is all in them. */
  readonly #there = new Set<string>();
  /** On a volume without case, the names of the tree as it takes them. */
  readonly #folded = new Map<string, string>();
  /** The extended attributes of directories that are there. */
  readonly #kept = new Map<HostPath, readonly ExtendedAttribute[]>();
  #newest = 0;

  constructor(args: ArgsOf<'file.download'>, facts: TreePutFacts) {
    this.#args = args;
    this.#facts = facts;
    this.#volume = facts.fs.facts;
  }

  /** Directories above the top, which the order lets be made. */
  async addParents(newest: number, signal: AbortSignal): Promise<Verdict<void>> {
    for (const path of this.#facts.top.missing) {
      const fit = checkWritableName(baseName(path));
      if (!fit.ok) return fit;
      const free = checkProtected(path, this.#facts.protectedPaths, false, this.#volume.limits?.caseless);
      if (!free.ok) return free;
      const around = await this.#around(path, undefined, signal);
      if (!around.ok) return around;
      const mtime = newest - (newest % Math.max(1, this.#volume.limits?.timeStep ?? 1));
      const settled = attributesOfPut({ ...this.#args, mtime }, mtime, undefined, this.#volume, around.value);
      if (!settled.ok) return settled;
      this.#edits.push({ edit: 'make-directory', path, attributes: settled.value.directory });
      this.#changes.push({ change: 'make-directory', path });
      this.#made.push(path);
      this.#tree.directories += 1;
    }
    return allow(undefined);
  }

  done(): Verdict<TreePutPlan> {
    const { free } = this.#volume;
    const { bytes } = this.#tree;
    if (free !== undefined && this.#replaced.length === 0 && bytes > free) {
      return refuse('NO_SPACE', `The files take ${bytes} bytes; ${free} are free on the volume.`);
    }
    return allow({
      edits: this.#edits,
      changes: this.#changes,
      tree: this.#tree,
      replaced: this.#replaced,
      made: this.#made,
      privileges: [...this.#privileges],
      notes: [...this.#notes].map(([note, times]) => (times === 1 ? note : `${note} (${times} times)`)),
      newest: this.#newest,
    });
  }

  async add(entry: TreeEntry, signal: AbortSignal): Promise<Verdict<void>> {
    const { top } = this.#facts;
    const path = entry.path === '' ? top.path : joinPath(top.path, entry.path);
    const fit = this.#judgeName(entry, path);
    if (!fit.ok) return fit;
    const found = await this.#statOf(entry, path, signal);
    if (!found.ok) return found;
    const stat = found.value;
    const { kind } = entry.held;
    if (kind === 'directory' && stat?.kind === 'directory') {
      this.#there.add(entry.path);
      return allow(undefined);
    }
    const open = judgePlace(kind, path, stat, {
      limits: this.#volume.limits,
      replace: this.#args.replace === true,
    });
    if (!open.ok) return open;
    const attributes = await this.#attributes(entry, path, stat, signal);
    if (!attributes.ok) return attributes;
    this.#change(entry, path, stat, attributes.value);
    return allow(undefined);
  }

  #note(note: string): void {
    this.#notes.set(note, (this.#notes.get(note) ?? 0) + 1);
  }

  #judgeName(entry: TreeEntry, path: HostPath): Verdict<void> {
    const parsed = parseHostPath(path);
    if (!parsed.ok) return parsed;
    const caseless = this.#volume.limits?.caseless === true;
    if (entry.path !== '') {
      const fit = checkWritableName(baseName(path));
      if (!fit.ok)
        return { ok: false, refusal: { ...fit.refusal, sentence: `${path}: ${fit.refusal.sentence}` } };
      const folded = foldPath(path);
      const twin = caseless ? this.#folded.get(folded) : undefined;
      if (twin !== undefined) {
        return refuse('NAME_UNSUPPORTED', `${path} and ${twin} are one name on this filesystem.`);
      }
      if (caseless) this.#folded.set(folded, path);
    }
    return checkProtected(path, this.#facts.protectedPaths, false, caseless);
  }

  /** What is there now; a directory that is new has nothing in it. */
  async #statOf(
    { path: inTree }: TreeEntry,
    path: HostPath,
    signal: AbortSignal,
  ): Promise<Verdict<FileStat | undefined>> {
    if (inTree === '') return allow(this.#facts.top.stat);
    const above = inTree.slice(0, Math.max(0, inTree.lastIndexOf('/')));
    if (!this.#there.has(above)) return allow(undefined);
    const found = await this.#facts.fs.stat(path, false, signal);
    if (!found.ok) return found.refusal.code === 'NO_SUCH_FILE' ? allow(undefined) : found;
    return ownName(path, found.value);
  }

  async #attributes(
    { held }: TreeEntry,
    path: HostPath,
    stat: FileStat | undefined,
    signal: AbortSignal,
  ): Promise<Verdict<FileAttributes>> {
    const { earliestTime, latestTime, limits } = this.#volume;
    const mtime = held.mtime - (held.mtime % Math.max(1, limits?.timeStep ?? 1));
    if (mtime < earliestTime || mtime > latestTime) {
      return refuse(
        'TIME_UNSUPPORTED',
        `The time of ${path} is ${mtime} s; this filesystem keeps ${earliestTime} to ${latestTime}.`,
      );
    }
    this.#newest = Math.max(this.#newest, mtime);
    if (limits !== undefined && held.size > limits.largestFile) {
      return refuse('FILE_TOO_LARGE', `${path}: a file has ${limits.largestFile} bytes at most here.`);
    }
    const xattrs = held.xattrs?.filter(({ name }) => !FOREIGN.test(name));
    if (xattrs?.length !== held.xattrs?.length)
      this.#note('what a filesystem of another kind says is left out');
    for (const { name } of xattrs ?? []) {
      if (!isXattrName(name)) {
        return refuse('XATTR_INVALID', `${path} would have ${JSON.stringify(name)}, which no file can.`);
      }
    }
    for (const each of privilegesIn(held.kind === 'file' ? held.mode : 0, xattrs ?? [])) {
      this.#privileges.add(each);
    }
    const around = await this.#around(path, stat, signal);
    if (!around.ok) return around;
    const { mode, uid, gid, mtimeNanoseconds } = held;
    // Root's, and a directory's mode, are nothing that anybody asked for.
    const plain = limits?.owners === false && uid === 0 && gid === 0;
    const wanted = {
      ...this.#args,
      ...(limits?.owners === false && held.kind !== 'file' ? {} : { mode }),
      ...(plain ? {} : { uid, gid }),
      mtime: held.mtime,
      ...(mtimeNanoseconds === undefined ? {} : { mtimeNanoseconds }),
      ...(xattrs === undefined ? {} : { xattrs: xattrs.filter(({ name }) => name !== DEFAULT_ACL) }),
    };
    const settled = attributesOfPut(wanted, mtime, stat, this.#volume, around.value);
    if (!settled.ok) {
      return { ok: false, refusal: { ...settled.refusal, sentence: `${path}: ${settled.refusal.sentence}` } };
    }
    for (const note of settled.value.notes) this.#note(note);
    if (held.kind !== 'directory') return allow(settled.value.file);
    const defaults = xattrs?.filter(({ name }) => name === DEFAULT_ACL) ?? [];
    for (const { value } of defaults) {
      const fault = aclFault(value);
      if (fault !== undefined)
        return refuse('XATTR_INVALID', `${path}: ${DEFAULT_ACL} cannot be set: ${fault}.`);
    }
    return allow(
      this.#volume.limits?.xattrs === false ? settled.value.file : withDefaults(settled.value, defaults),
    );
  }

  /** Attributes that pass from a directory that is there to what is made in it. */
  async #around(
    path: HostPath,
    stat: FileStat | undefined,
    signal: AbortSignal,
  ): Promise<Verdict<Surroundings>> {
    const { fs, top } = this.#facts;
    if (this.#volume.limits?.xattrs === false) return allow({});
    let at = stat === undefined ? parentPath(path) : path;
    if (stat === undefined) {
      const inTree = (each: HostPath) => each.slice(top.path === '/' ? 1 : top.path.length + 1);
      while (at.length > top.path.length && !this.#there.has(inTree(at))) at = parentPath(at);
      if (!this.#there.has('')) at = parentPath(top.missing[0] ?? top.path);
    }
    const kept = this.#kept.get(at);
    if (kept !== undefined && stat === undefined) return allow({ directory: kept });
    const found = await fs.extras?.(at, false, signal);
    if (found === undefined) return allow({});
    if (!found.ok) return found;
    const { xattrs } = found.value;
    if (stat !== undefined) return allow({ replaced: xattrs });
    this.#kept.set(at, xattrs);
    return allow({ directory: xattrs });
  }

  #change(
    { target, held }: TreeEntry,
    path: HostPath,
    stat: FileStat | undefined,
    attributes: FileAttributes,
  ): void {
    const { top, archive } = this.#facts;
    const replace = stat !== undefined;
    const change = replace ? ('replace' as const) : ('create' as const);
    if (replace) this.#tree.replaced += 1;
    if (replace && stat.links > 1) this.#note('an old file had more names; these keep its old contents');
    // Only a file has a way to take the place of another in one go.
    if (replace && held.kind !== 'file') this.#edits.push({ edit: 'remove-file', path });
    switch (held.kind) {
      case 'directory':
        this.#edits.push({ edit: 'make-directory', path, attributes });
        this.#changes.push({ change: 'make-directory', path });
        this.#tree.directories += 1;
        break;
      case 'symlink':
        this.#edits.push({ edit: 'make-symlink', path, target: target ?? '', attributes });
        this.#changes.push({ change, path });
        this.#tree.symlinks += 1;
        break;
      case 'link':
        this.#edits.push({ edit: 'make-link', path, to: joinPath(top.path, target ?? '') });
        this.#changes.push({ change, path });
        this.#tree.links += 1;
        break;
      default:
        this.#edits.push({ edit: 'put-file', path, content: contentOf(held, archive), attributes, replace });
        this.#changes.push({ change, path });
        this.#tree.files += 1;
        this.#tree.bytes += held.size;
    }
    if (stat === undefined) this.#made.push(path);
    else this.#replaced.push(path);
  }
}
