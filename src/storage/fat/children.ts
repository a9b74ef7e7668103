import type { BlockDevice, HostPath } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { joinPath, parentPath, pathNames } from '../host-path.ts';
import { readLayout } from './boot-sector.ts';
import { type DirectoryPlace, directoryItems } from './directory.ts';
import type { FatEntry } from './dirent.ts';
import { foldName } from './fold-name.ts';
import { FatTable } from './table.ts';

interface Children {
  readonly all: readonly FatEntry[];
  /** By long and short names, folded. */
  readonly byName: ReadonlyMap<string, readonly FatEntry[]>;
}

/** The directories of a FAT volume with all that is in them, each read once. */
export class FatChildren {
  readonly #device: BlockDevice;
  readonly #table: FatTable;
  readonly #known = new Map<HostPath, Promise<Children | undefined>>();

  private constructor(device: BlockDevice, table: FatTable) {
    this.#device = device;
    this.#table = table;
  }

  static async open(device: BlockDevice, signal: AbortSignal): Promise<FatChildren> {
    return new FatChildren(
      device,
      await overHostileBytes(async () => new FatTable(device, await readLayout(device, signal))),
    );
  }

  /** What lies in a directory; undefined where there is no such directory. */
  async of(directory: HostPath, signal: AbortSignal): Promise<readonly FatEntry[] | undefined> {
    return (await this.#children(directory, signal))?.all;
  }

  /** The entries that answer to a path, by their long or their short name: one, none, or on a volume out of order more. */
  async named(path: HostPath, signal: AbortSignal): Promise<readonly FatEntry[]> {
    const name = pathNames(path).at(-1);
    if (name === undefined) return [];
    return (await this.#children(parentPath(path), signal))?.byName.get(foldName(name)) ?? [];
  }

  #children(directory: HostPath, signal: AbortSignal): Promise<Children | undefined> {
    const key = foldName(directory);
    const known = this.#known.get(key) ?? this.#read(directory, signal);
    this.#known.set(key, known);
    return known;
  }

  async #read(directory: HostPath, signal: AbortSignal): Promise<Children | undefined> {
    let place: DirectoryPlace = 'root';
    let at: HostPath = '/';
    for (const name of pathNames(directory)) {
      at = joinPath(at, name);
      const [entry] = await this.named(at, signal);
      if (entry?.kind !== 'directory') return undefined;
      place = { cluster: entry.first };
    }
    return overHostileBytes(async () => {
      const all: FatEntry[] = [];
      const byName = new Map<string, FatEntry[]>();
      for await (const item of directoryItems(this.#device, this.#table, place, signal)) {
        if (item.is !== 'entry') continue;
        const { entry } = item;
        all.push(entry);
        for (const name of new Set([foldName(entry.shortName), foldName(entry.name ?? entry.shortName)])) {
          byName.set(name, [...(byName.get(name) ?? []), entry]);
        }
      }
      return { all, byName };
    });
  }
}
