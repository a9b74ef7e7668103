import { allow, ByteView, KiB, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, FileContent, HostPath, VolumeEdit } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { joinPath, parentPath } from '../host-path.ts';
import { EditedPlaces, type Found } from './edited-places.ts';
import { WINDOWS } from './index-node.ts';
import { inheritedSecurity } from './inherit-security.ts';
import { fileTime, type NtfsNode } from './node.ts';
import { openVolume } from './open-volume.ts';
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

class Planner {
  readonly steps: NtfsStep[] = [];
  readonly times = new Map<HostPath, FileTimes>();
  readonly #volume: NtfsVolume;
  readonly #descriptors: SecurityDescriptors;
  readonly #places: EditedPlaces;
  readonly #time: number;
  readonly #signal: AbortSignal;
  #spares = 0;

  constructor(volume: NtfsVolume, upcase: Upcase, time: number, signal: AbortSignal) {
    this.#volume = volume;
    this.#descriptors = new SecurityDescriptors(volume);
    this.#places = new EditedPlaces(volume, upcase, signal);
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
    const parent = await this.#places.find(parentPath(edit.path));
    if (!parent.ok) return parent;
    const found = await this.#places.find(edit.path);
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
        this.#places.made(path, security);
        return allow(undefined);
      }
      case 'make-link': {
        const to = await this.#places.find(edit.to);
        if (!to.ok) return to;
        if (to.value.is === 'absent') return refuse('NO_SUCH_FILE', `${edit.to}.`);
        this.steps.push({ step: 'link', path, to: to.value.path });
        this.#places.made(path, new Uint8Array(0));
        return allow(undefined);
      }
      default:
        this.steps.push({ step: edit.edit, path });
        this.#places.removed(path);
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
      this.#places.made(path, security);
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
    this.#places.made(path, security);
    return allow(undefined);
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
    let at = await this.#places.find(room);
    while (allocated && at.ok && at.value.is !== 'stored') {
      room = parentPath(room);
      at = await this.#places.find(room);
    }
    for (let i = 0; i < SPARES; i += 1) {
      const spare = joinPath(room, `~nightshift-${this.#spares}.tmp`);
      this.#spares += 1;
      const taken = await this.#places.find(spare);
      if (taken.ok && taken.value.is === 'absent') return { aside: { path: spare, allocated } };
    }
    return {};
  }
}

function standardInformation({ record }: NtfsNode): ByteView {
  const value = record.attributes.find(({ type }) => type === ATTRIBUTE.standardInformation)?.value;
  return new ByteView(
    value !== undefined && 'resident' in value ? value.resident : new Uint8Array(0),
    'record',
  );
}
