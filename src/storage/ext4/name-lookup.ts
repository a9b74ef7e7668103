import { directoryBlocks } from './directory.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Names kept, over all directories. */
const MAX_NAMES = 32_768;
const MAX_DIRECTORIES = 64;

const key = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');

/**
 * Finds names in directories. Directories are read from end to end once and then remembered, as far as a fixed number
 * of names allows, so that asking for each file of a large directory in turn does not read it each time.
 */
export class NameLookup {
  readonly #volume: Ext4Volume;
  readonly #known = new Map<number, ReadonlyMap<string, number>>();
  #names = 0;

  constructor(volume: Ext4Volume) {
    this.#volume = volume;
  }

  /** The inode number of a name, or undefined. */
  async find(directory: Ext4Inode, name: Uint8Array, signal?: AbortSignal): Promise<number | undefined> {
    const wanted = key(name);
    const known = this.#known.get(directory.number);
    if (known !== undefined) return known.get(wanted);
    let names: Map<string, number> | undefined = new Map();
    let found: number | undefined;
    for await (const entries of directoryBlocks(this.#volume, directory, signal)) {
      for (const entry of entries) {
        const text = key(entry.rawName);
        if (found === undefined && text === wanted) found = entry.inode;
        if (names !== undefined && !names.has(text)) names.set(text, entry.inode);
      }
      if (names !== undefined && names.size > MAX_NAMES) names = undefined;
      if (names === undefined && found !== undefined) return found;
    }
    if (names !== undefined) this.#remember(directory.number, names);
    return found;
  }

  #remember(directory: number, names: ReadonlyMap<string, number>): void {
    this.#names -= this.#known.get(directory)?.size ?? 0;
    this.#known.delete(directory);
    for (const [oldest, held] of this.#known) {
      if (this.#names + names.size <= MAX_NAMES && this.#known.size < MAX_DIRECTORIES) break;
      this.#known.delete(oldest);
      this.#names -= held.size;
    }
    this.#known.set(directory, names);
    this.#names += names.size;
  }
}
