import { allow, ByteView, KiB, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, FileContent, HostPath, VolumeEdit } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { joinPath, parentPath, pathNames } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import { type IndexEntry, WINDOWS } from './index-node.ts';
import { inheritedSecurity } from './inherit-security.ts';
import { fileTime, type NtfsNode, nodeOf } from './node.ts';
import { openVolume } from './open-volume.ts';
import { nodeByReference } from './path-walk.ts';
import { ATTRIBUTE } from './records.ts';
import { securityOf } from './security.ts';
import { SecurityDescriptors } from './security-index.ts';
import type { FileTimes } from './settle-record.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';

/** One thing to do on the mounted volume. Paths are as the volume has them. */
export type NtfsStep =
  | {
      readonly step: 'write';
      readonly path: HostPath;
      readonly content: FileContent;
      /** A self-relative security descriptor. */
      readonly security: Uint8Array;
      readonly attributes: number;
      /**
       * Where it is made first, beside or above its place. `allocated`: with clusters for all of it, before any other step, and
       * the content comes by itself.
       */
      readonly aside?: { readonly path: HostPath; readonly allocated: boolean };
      /** What is there and goes away, where something is. */
      readonly replaces?: { readonly shortName?: string };
    }
  | { readonly step: 'make-directory'; readonly path: HostPath; readonly security: Uint8Array }
  | { readonly step: 'link'; readonly path: HostPath; readonly to: HostPath }
  | { readonly step: 'remove-file' | 'remove-directory'; readonly path: HostPath };

export interface NtfsPlan {
  readonly steps: readonly NtfsStep[];
  /** The times of what is written, by path; all others are the order's. */
  readonly times: ReadonlyMap<HostPath, FileTimes>;
}

const ROOT = 5;
/** Records below are the filesystem's own, the root among them. */
const FIRST_OF_USERS = 24;
const SPARES = 100_000;
/** A larger content is not carried through the mount. */
const LARGEST_CARRIED = 256 * KiB;
/** What holds the content of a file that Windows has compressed in its own way, and goes with it. */
const CONTENT_STREAMS = ['WofCompressedData'];
/** Attributes that a new content takes over from the old one. */
const KEPT = WINDOWS.hidden | WINDOWS.system;

/**
 * What to do on a volume for edits, in order. Refuses what is there although it must not be or is not although it must, what
 * more than one file answers to, the filesystem's own files, and a file with streams beside its content, which would be lost.
 */
export async function planNtfsEdits(
  device: BlockDevice,
  edits: readonly VolumeEdit[],
  time: number,
  signal: AbortSignal,
): Promise<Verdict<NtfsPlan>> {
  return await overHostileBytes(async () => {
    const { volume, upcase } = await openVolume(device, signal);
    const planner = new Planner(volume, upcase, time, signal);
    for (const edit of edits) {
      const added = await planner.add(edit);
      if (!added.ok) return added;
    }
    return allow({ steps: planner.steps, times: planner.times });
  });
}

/** What is at a path: on the volume, or made by an earlier edit. */
type Found =
  | { readonly is: 'stored'; readonly node: NtfsNode; readonly path: HostPath }
  | { readonly is: 'made'; readonly path: HostPath; readonly security: Uint8Array }
  | { readonly is: 'absent'; readonly path: HostPath };

class Planner {
  readonly steps: NtfsStep[] = [];
  readonly times = new Map<HostPath, FileTimes>();
  readonly #volume: NtfsVolume;
  readonly #descriptors: SecurityDescriptors;
  readonly #upcase: Upcase;
  readonly #time: number;
  readonly #signal: AbortSignal;
  #spares = 0;
  /** What earlier edits made of a path, by its capital letters. */
  readonly #now = new Map<string, Found>();

  constructor(volume: NtfsVolume, upcase: Upcase, time: number, signal: AbortSignal) {
    this.#volume = volume;
    this.#descriptors = new SecurityDescriptors(volume);
    this.#upcase = upcase;
    this.#time = time;
    this.#signal = signal;
  }

  async add(edit: VolumeEdit): Promise<Verdict<void>> {
    if (edit.edit === 'make-symlink') {
      return refuse(
        'LINKS_UNSUPPORTED',
        `Links of Windows are not made here, and ${edit.path} would be one.`,
      );
    }
    const parent = await this.#find(parentPath(edit.path));
    if (!parent.ok) return parent;
    const found = await this.#find(edit.path);
    if (!found.ok) return found;
    const there = found.value.is !== 'absent';
    const wanted =
      edit.edit === 'put-file'
        ? edit.replace
        : edit.edit === 'remove-file' || edit.edit === 'remove-directory';
    if (there !== wanted) return refuse(wanted ? 'NO_SUCH_FILE' : 'FILE_EXISTS', `${edit.path}.`);
    if (parent.value.is === 'absent') return refuse('NO_SUCH_FILE', `${parent.value.path}.`);
    const { path } = found.value;
    switch (edit.edit) {
      case 'put-file':
        return await this.#put(edit, found.value, parent.value);
      case 'make-directory': {
        const security = await this.#inherited(parent.value, true);
        this.steps.push({ step: 'make-directory', path, security });
        this.#made(path, security);
        return allow(undefined);
      }
      case 'make-link': {
        const to = await this.#find(edit.to);
        if (!to.ok) return to;
        if (to.value.is === 'absent') return refuse('NO_SUCH_FILE', `${edit.to}.`);
        this.steps.push({ step: 'link', path, to: to.value.path });
        this.#made(path, new Uint8Array(0));
        return allow(undefined);
      }
      default:
        this.steps.push({ step: edit.edit, path });
        this.#now.set(this.#key(path), { is: 'absent', path });
        return allow(undefined);
    }
  }

  async #put(
    { content, attributes: { mode, mtime, mtimeNanoseconds } }: Extract<VolumeEdit, { edit: 'put-file' }>,
    found: Found,
    parent: Found,
  ): Promise<Verdict<void>> {
    const { path } = found;
    const readOnly = (mode & 0o222) === 0 ? WINDOWS.readOnly : 0;
    const modified = fileTime(mtime, mtimeNanoseconds);
    if (found.is !== 'stored') {
      const security = found.is === 'made' ? found.security : await this.#inherited(parent, false);
      const attributes = WINDOWS.archive | readOnly;
      const aside = await this.#aside(path, content, found);
      const replaces = found.is === 'made' ? { replaces: {} } : {};
      this.steps.push({ step: 'write', path, content, security, attributes, ...aside, ...replaces });
      this.times.set(path, { modified, created: fileTime(this.#time) });
      this.#made(path, security);
      return allow(undefined);
    }
    const { node } = found;
    const streams = await this.#streamsBeside(node);
    if (streams.length > 0) {
      return refuse(
        'FILE_UNSUPPORTED',
        `${path} has the stream ${JSON.stringify(streams[0])} beside its content, which would be lost.`,
        'Remove the file by an order of its own, and put the new one then.',
      );
    }
    const security = (await this.#security(node)) ?? (await this.#inherited(parent, false));
    const info = standardInformation(node);
    const shortName = this.#shortName(node, parent);
    this.steps.push({
      step: 'write',
      path,
      content,
      security,
      attributes: WINDOWS.archive | readOnly | (info.u32le(0x20) & KEPT),
      ...(await this.#aside(path, content, found)),
      replaces: shortName === undefined ? {} : { shortName },
    });
    this.times.set(path, { modified, created: info.u64le(0) });
    this.#made(path, security);
    return allow(undefined);
  }

  #made(path: HostPath, security: Uint8Array): void {
    this.#now.set(this.#key(path), { is: 'made', path, security });
  }

  async #inherited(parent: Found, directory: boolean): Promise<Uint8Array> {
    if (parent.is === 'made') return inheritedSecurity(parent.security, directory);
    if (parent.is === 'absent') return inheritedSecurity(undefined, directory);
    return inheritedSecurity(await this.#security(parent.node), directory);
  }

  #security(node: NtfsNode): Promise<Uint8Array | undefined> {
    return securityOf(this.#volume, this.#descriptors, node, this.#signal);
  }

  async #streamsBeside({ record }: NtfsNode): Promise<string[]> {
    const names = await this.#volume.names(record, ATTRIBUTE.data, this.#signal);
    return names.filter((name) => !CONTENT_STREAMS.includes(name));
  }

  /** A file's short name belongs to one of its names, the long one in the same directory. */
  #shortName({ names, stat }: NtfsNode, parent: Found): string | undefined {
    if (parent.is !== 'stored') return undefined;
    const here = names.filter((each) => each.parent === parent.node.record.number);
    const long = here.find(({ namespace }) => namespace === 'win32');
    if (long === undefined || long.name !== stat.name) return undefined;
    return here.find(({ namespace }) => namespace === 'dos')?.name;
  }

  /**
   * A name of its own for what replaces something, so that its content goes to clusters that are free now; and, in a
   * directory that is there already, for what gets its clusters before all else.
   */
  async #aside(
    path: HostPath,
    { size, name }: FileContent,
    found: Found,
  ): Promise<Pick<Extract<NtfsStep, { step: 'write' }>, 'aside'>> {
    const allocated = size > LARGEST_CARRIED || (size > 0 && name === undefined);
    if (!allocated && found.is === 'absent') return {};
    let room = parentPath(path);
    let at = await this.#find(room);
    while (allocated && at.ok && at.value.is !== 'stored') {
      room = parentPath(room);
      at = await this.#find(room);
    }
    for (let i = 0; i < SPARES; i += 1) {
      const spare = joinPath(room, `~nightshift-${this.#spares}.tmp`);
      this.#spares += 1;
      const taken = await this.#find(spare);
      if (taken.ok && taken.value.is === 'absent') return { aside: { path: spare, allocated } };
    }
    return {};
  }

  async #find(path: HostPath): Promise<Verdict<Found>> {
    let at: Found = { is: 'stored', node: await this.#root(), path: '/' };
    for (const name of pathNames(path)) {
      const next: Verdict<Found> = await this.#child(at, name);
      if (!next.ok) return next;
      at = next.value;
    }
    return allow(at);
  }

  async #child(at: Found, name: string): Promise<Verdict<Found>> {
    const path = joinPath(at.path, name);
    const known = this.#now.get(this.#key(path));
    if (known !== undefined) return allow(known);
    if (at.is !== 'stored') return allow({ is: 'absent', path });
    if (!at.node.record.directory || at.node.reparse !== undefined) {
      return refuse('NOT_A_DIRECTORY', `${at.path} is not a directory.`);
    }
    const found = new Map((await this.#entries(at.node, name)).map((entry) => [entry.record, entry]));
    if (found.size > 1) {
      return refuse(
        'NAME_UNSUPPORTED',
        `More than one file answers to ${path}.`,
        'Check the filesystem from the host.',
      );
    }
    const [entry] = found.values();
    if (entry === undefined) return allow({ is: 'absent', path });
    if (entry.record < FIRST_OF_USERS) {
      return refuse('PATH_PROTECTED', `${path} belongs to the filesystem itself.`, 'Name another file.');
    }
    const node = await nodeByReference(this.#volume, entry, name, this.#signal);
    const long = node.names.find(
      (each) =>
        each.parent === (at.is === 'stored' ? at.node.record.number : ROOT) && each.namespace === 'win32',
    );
    const stored = entry.namespace === 'dos' ? (long?.name ?? entry.name) : entry.name;
    const storedPath = joinPath(at.path, stored);
    const now = this.#now.get(this.#key(storedPath));
    return allow(
      now ?? { is: 'stored', node: { ...node, stat: { ...node.stat, name: stored } }, path: storedPath },
    );
  }

  async #entries({ record }: NtfsNode, name: string): Promise<readonly IndexEntry[]> {
    const directory = await NtfsDirectory.open(this.#volume, record, this.#signal);
    return await directory.named(name, this.#upcase, this.#signal);
  }

  async #root(): Promise<NtfsNode> {
    return await nodeOf(this.#volume, await this.#volume.record(ROOT, this.#signal), this.#signal);
  }

  #key(path: HostPath): string {
    return this.#upcase.fold(path);
  }
}

function standardInformation({ record }: NtfsNode): ByteView {
  const value = record.attributes.find(({ type }) => type === ATTRIBUTE.standardInformation)?.value;
  return new ByteView(
    value !== undefined && 'resident' in value ? value.resident : new Uint8Array(0),
    'record',
  );
}
