import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { joinPath, pathNames } from '../host-path.ts';
import { NtfsDirectory } from './directory.ts';
import type { IndexEntry } from './index-node.ts';
import { type NtfsNode, nodeOf } from './node.ts';
import { nodeByReference } from './path-walk.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';

const ROOT = 5;
/** Records below are the filesystem's own, the root among them. */
const FIRST_OF_USERS = 24;

/** What is at a path: on the volume, or made by an earlier edit. */
export type Found =
  | { readonly is: 'stored'; readonly node: NtfsNode; readonly path: HostPath }
  | { readonly is: 'made'; readonly path: HostPath; readonly security: Uint8Array }
  | { readonly is: 'absent'; readonly path: HostPath };

/** What is at the paths of a volume while edits to it are planned, one after the other. */
export class EditedPlaces {
  readonly #volume: NtfsVolume;
  readonly #upcase: Upcase;
  readonly #signal: AbortSignal;
  /** What earlier edits made of a path, by its capital letters. */
  readonly #now = new Map<string, Found>();

  constructor(volume: NtfsVolume, upcase: Upcase, signal: AbortSignal) {
    this.#volume = volume;
    this.#upcase = upcase;
    this.#signal = signal;
  }

  /** From now on there is something made by an edit. */
  made(path: HostPath, security: Uint8Array): void {
    this.#now.set(this.#key(path), { is: 'made', path, security });
  }

  /** From now on there is nothing. */
  removed(path: HostPath): void {
    this.#now.set(this.#key(path), { is: 'absent', path });
  }

  /** Refuses what the filesystem keeps for itself, what more than one file answers to, and a way through what is no directory. */
  async find(path: HostPath): Promise<Verdict<Found>> {
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
