import { MiB } from '../../base/index.ts';
import { directoryBlocks } from './directory.ts';
import type { Ext4Inode } from './inode.ts';
import type { Ext4Volume } from './volume.ts';

/** Memory for names kept, over all directories, in bytes: a directory of 100,000 usual names fits. */
const MAX_BYTES = 10 * MiB;
/** What a name takes beside its letters, about. */
const NAME_BYTES = 48;
const MAX_DIRECTORIES = 64;

interface Known {
  readonly names: ReadonlyMap<string, number>;
  readonly bytes: number;
}

const key = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');

/**
 * Finds names in directories. Directories are read from end to end once and then remembered, as far as a fixed amount
 * of memory allows, so that asking for each file of a large directory in turn does not read it each time.
 */
export class NameLookup {
  readonly #volume: Ext4Volume;
  readonly #known = new Map<number, Known>();
  #bytes = 0;

  constructor(volume: Ext4Volume) {
    this.#volume = volume;
  }

  /** The inode number of a name, or undefined. */
  async find(directory: Ext4Inode, name: Uint8Array, signal?: AbortSignal): Promise<number | undefined> {
    const wanted = key(name);
    const known = this.#known.get(directory.number);
    if (known !== undefined) return known.names.get(wanted);
    let bytes = 0;
    let names: Map<string, number> | undefined = new Map();
    let found: number | undefined;
    for await (const entries of directoryBlocks(this.#volume, directory, signal)) {
      for (const entry of entries) {
        const text = key(entry.rawName);
        if (found === undefined && text === wanted) found = entry.inode;
        if (names === undefined || names.has(text)) continue;
        names.set(text, entry.inode);
        bytes += NAME_BYTES + text.length;
      }
      if (bytes > MAX_BYTES) names = undefined;
      if (names === undefined && found !== undefined) return found;
    }
    if (names !== undefined) this.#remember(directory.number, { names, bytes });
    return found;
  }

  #remember(directory: number, known: Known): void {
    this.#bytes -= this.#known.get(directory)?.bytes ?? 0;
    this.#known.delete(directory);
    for (const [oldest, held] of this.#known) {
      if (this.#bytes + known.bytes <= MAX_BYTES && this.#known.size < MAX_DIRECTORIES) break;
      this.#known.delete(oldest);
      this.#bytes -= held.bytes;
    }
    this.#known.set(directory, known);
    this.#bytes += known.bytes;
  }
}
