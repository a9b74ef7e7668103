import { equalBytes, MiB, NsError } from '../base/index.ts';
import type {
  BlockDevice,
  FileContent,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeEdit,
} from '../ports/index.ts';
import { openFileSystem } from './open-file-system.ts';
import { Overlay } from './overlay.ts';
import { type PlacedPart, PlacedView } from './placed-view.ts';
import { wrongXattrs } from './verify-xattrs.ts';

const CHUNK = MiB;

/**
 * Looks with our own reader whether a volume holds what the edits ask for. The tools that make edits report success where
 * they failed, so this is what success means. Content is compared byte by byte, but for what was placed on an overlay: of
 * that it is shown that each byte of the file is found at the place on the volume where that very byte of the same
 * content was placed. Throws NS_EDIT_NOT_MADE.
 */
export async function verifyEdits(
  volume: BlockDevice,
  type: string,
  edits: readonly VolumeEdit[],
  signal: AbortSignal,
): Promise<void> {
  const placed = volume instanceof Overlay ? new PlacedView(volume) : undefined;
  const fileSystem = await openFileSystem(placed?.device ?? volume, type, signal);
  const comparing = new Comparing(placed, signal);
  const order = new Order(edits);
  for (const edit of order.last.values()) {
    const fault = await faultOf(fileSystem, edit, order, comparing, signal);
    if (fault !== undefined) throw new NsError('NS_EDIT_NOT_MADE', `${edit.path} ${fault}`);
  }
}

async function faultOf(
  fileSystem: FileSystem,
  edit: VolumeEdit,
  order: Order,
  comparing: Comparing,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await fileSystem.stat(edit.path, false, signal);
  if (edit.edit === 'remove-file' || edit.edit === 'remove-directory') {
    return found.ok ? 'is still there' : undefined;
  }
  if (!found.ok) return `was not made: ${found.refusal.sentence}`;
  const stat = found.value;
  if (edit.edit === 'make-link') {
    if (!order.isSame(edit)) return undefined;
    const other = await fileSystem.stat(edit.to, false, signal);
    return other.ok && other.value.inode === stat.inode ? undefined : `is not the same file as ${edit.to}`;
  }
  if (edit.edit === 'make-symlink' && stat.target !== edit.target) {
    return `leads to ${stat.target ?? 'nothing'}, not to ${edit.target}`;
  }
  const { owners = true, timeStep = 0 } = fileSystem.facts.limits ?? {};
  const links = 1 + (order.links.get(edit.path) ?? 0);
  if (edit.edit === 'put-file' && stat.links !== links) return `has ${stat.links} links`;
  const wrong = wrongAttribute(stat, edit, owners) ?? wrongFraction(stat, edit, timeStep);
  if (wrong !== undefined) return wrong;
  if (fileSystem.facts.limits?.xattrs !== false) {
    const other = await wrongXattrs(fileSystem, edit.path, edit.attributes.xattrs ?? [], signal);
    if (other !== undefined) return other;
  }
  if (edit.edit !== 'put-file') return undefined;
  const opened = await fileSystem.open(edit.path, signal);
  return opened.ok ? await comparing.fault(opened.value, edit.content) : opened.refusal.sentence;
}

type Link = Extract<VolumeEdit, { edit: 'make-link' }>;

class Order {
  /** Of several edits of one path the last one counts. */
  readonly last: ReadonlyMap<HostPath, VolumeEdit>;
  /** Further names that what is put at a path is given. */
  readonly links: ReadonlyMap<HostPath, number>;
  readonly #places: ReadonlyMap<HostPath, number>;

  constructor(edits: readonly VolumeEdit[]) {
    this.last = new Map(edits.map((edit) => [edit.path, edit]));
    this.#places = new Map(edits.map(({ path }, i) => [path, i]));
    const links = new Map<HostPath, number>();
    for (const edit of this.last.values()) {
      if (edit.edit !== 'make-link') continue;
      let link: Link = edit;
      for (let to = this.last.get(link.to); this.isSame(link) && to?.edit === 'make-link'; ) {
        link = to;
        to = this.last.get(link.to);
      }
      if (this.isSame(link)) links.set(link.to, (links.get(link.to) ?? 0) + 1);
    }
    this.links = links;
  }

  /** Is what a link was made to still there under that name? */
  isSame({ path, to }: Link): boolean {
    return (this.#places.get(to) ?? -1) < (this.#places.get(path) ?? -1);
  }
}

const KINDS = { 'put-file': 'file', 'make-directory': 'directory', 'make-symlink': 'symlink' } as const;

function wrongAttribute(
  stat: FileStat,
  edit: Extract<VolumeEdit, { edit: 'put-file' | 'make-directory' | 'make-symlink' }>,
  owners: boolean,
): string | undefined {
  const kind = KINDS[edit.edit];
  if (stat.kind !== kind) return `is a ${stat.kind}, not a ${kind}`;
  if (!owners && edit.edit === 'put-file' && mayBeWritten(stat) !== mayBeWritten(edit.attributes)) {
    return mayBeWritten(stat) ? 'is not read-only' : 'is read-only';
  }
  for (const name of owners ? (['mode', 'uid', 'gid', 'mtime'] as const) : (['mtime'] as const)) {
    if (name === 'mtime' && edit.edit === 'make-directory') continue;
    if (stat[name] !== edit.attributes[name])
      return `has ${name} ${stat[name]}, not ${edit.attributes[name]}`;
  }
  return undefined;
}

/** The part of a second after the time, where the filesystem keeps any; `step` as VolumeLimits.timeStep. */
function wrongFraction(
  { mtimeNanoseconds: there = 0 }: FileStat,
  edit: Extract<VolumeEdit, { edit: 'put-file' | 'make-directory' | 'make-symlink' }>,
  step: number,
): string | undefined {
  const { mtimeNanoseconds: wanted = 0 } = edit.attributes;
  if (step >= 1 || edit.edit === 'make-directory' || there === wanted) return undefined;
  return `has ${there} ns after its time, not ${wanted}`;
}

function mayBeWritten({ mode }: { readonly mode: number }): boolean {
  return (mode & 0o222) !== 0;
}

class Comparing {
  readonly #placed: PlacedView | undefined;
  readonly #signal: AbortSignal;
  readonly #wanted = new Uint8Array(CHUNK);
  readonly #there = new Uint8Array(CHUNK);

  constructor(placed: PlacedView | undefined, signal: AbortSignal) {
    this.#placed = placed;
    this.#signal = signal;
  }

  /** What of a file is not as its content is. */
  async fault(file: OpenFile, content: FileContent): Promise<string | undefined> {
    if (file.stat.size !== content.size) return `has ${file.stat.size} bytes, not ${content.size}`;
    for (let at = 0; at < content.size; ) {
      const hole = await this.#hole(file, content, at);
      if (hole > 0) {
        at += hole;
        continue;
      }
      const length = Math.min(CHUNK, content.size - at);
      const there = this.#there.subarray(0, length);
      let count = 0;
      const read = async (): Promise<void> => {
        for (let done = -1; done !== 0 && count < length; count += done) {
          done = await file.read(at + count, there.subarray(count), this.#signal);
        }
      };
      const parts = (await this.#placed?.during(there.buffer, read)) ?? (await read()) ?? [];
      if (count < length) return `ends at ${at + count}`;
      const wrong = await this.#differs(there, at, parts, content);
      if (wrong !== undefined) return `does not hold what it was to hold at ${wrong}`;
      at += length;
    }
    return undefined;
  }

  /** How many bytes from one on are a hole of both. */
  async #hole(file: OpenFile, content: FileContent, at: number): Promise<number> {
    let hole = content.size - at;
    for (const of of [file, content.data]) {
      const [run] = (await of.extents?.(at, hole, this.#signal)) ?? [];
      if (run === undefined || run.allocated || !run.zero) return 0;
      hole = Math.min(hole, run.length);
    }
    return hole;
  }

  /** Where in the file something else was found or placed than what was asked for. */
  async #differs(
    there: Uint8Array,
    start: number,
    parts: readonly PlacedPart[],
    content: FileContent,
  ): Promise<number | undefined> {
    let at = 0;
    for (const part of [
      ...parts,
      { at: there.byteLength, length: 0, content, from: start + there.byteLength },
    ]) {
      // What was told of twice was read twice.
      if (part.at < at) return start + part.at;
      if (part.at > at) {
        const wanted = this.#wanted.subarray(0, part.at - at);
        await content.data.read(start + at, wanted, this.#signal);
        if (!equalBytes(wanted, there.subarray(at, part.at))) return start + at;
      }
      if (part.content !== content || part.from !== start + part.at) return start + part.at;
      at = part.at + part.length;
    }
    return undefined;
  }
}
