import { allow, fromUtf8Lossy, KiB, type NsError, refuse, type Verdict } from '../../base/index.ts';
import type {
  BlockDevice,
  DirectoryEntry,
  FileExtras,
  FileStat,
  OpenFile,
  EntryReader as ReaderOfEntries,
} from '../../ports/index.ts';
import { corrupt, faultOfOne, overHostileBytes } from '../corrupt.ts';
import { ENTRY_BYTES, EntryReader, type FatEntry } from './dirent.ts';

/** No record lies across two of these. */
const PAGE = 4 * KiB;

/** What the volume does with an entry that was found. */
export interface FatHands {
  stat(entry: FatEntry): FileStat;
  extras(entry: FatEntry): FileExtras;
  list(entry: FatEntry, signal?: AbortSignal): AsyncIterable<DirectoryEntry>;
  open(entry: FatEntry, what: string): Verdict<OpenFile>;
}

/** Entries by the place of their record, which says all but the long name. */
export class FatEntries implements ReaderOfEntries {
  readonly #device: BlockDevice;
  readonly #wide: boolean;
  readonly #hands: FatHands;
  #page: { readonly at: number; readonly bytes: Uint8Array } | undefined;

  /** `wide`: FAT32. */
  constructor(device: BlockDevice, wide: boolean, hands: FatHands) {
    this.#device = device;
    this.#wide = wide;
    this.#hands = hands;
  }

  async stat(
    entries: readonly DirectoryEntry[],
    signal?: AbortSignal,
  ): Promise<readonly (FileStat | NsError)[]> {
    const told = new Array<FileStat | NsError>(entries.length);
    const inOrder = [...entries.entries()].sort(([, a], [, b]) => a.inode - b.inode);
    for (const [i, entry] of inOrder) {
      try {
        const stat = this.#hands.stat(await overHostileBytes(() => this.#find(entry, signal)));
        told[i] = entry.name === undefined ? stat : { ...stat, name: entry.name };
      } catch (error) {
        told[i] = faultOfOne(error, signal);
      }
    }
    return told;
  }

  async list(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>> {
    return await overHostileBytes(async () => {
      const found = await this.#find(entry, signal);
      return found.kind === 'directory'
        ? allow(this.#hands.list(found, signal))
        : refuse('NOT_A_DIRECTORY', `${fromUtf8Lossy(entry.rawName)} is not a directory.`);
    });
  }

  async open(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<OpenFile>> {
    return await overHostileBytes(async () =>
      this.#hands.open(await this.#find(entry, signal), fromUtf8Lossy(entry.rawName)),
    );
  }

  async extras(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<FileExtras>> {
    return await overHostileBytes(async () => allow(this.#hands.extras(await this.#find(entry, signal))));
  }

  async #find({ inode }: DirectoryEntry, signal?: AbortSignal): Promise<FatEntry> {
    const at = placeOfInode(inode);
    const start = Math.floor(at / PAGE) * PAGE;
    if (this.#page?.at !== start) {
      const bytes = new Uint8Array(Math.min(PAGE, this.#device.capabilities.size - start));
      await this.#device.read(start, bytes, signal);
      this.#page = { at: start, bytes };
    }
    const record = this.#page.bytes.subarray(at - start, at - start + ENTRY_BYTES);
    const item = new EntryReader(this.#wide).take(record, at);
    if (item === undefined || item === 'end' || item.is === 'label') {
      throw corrupt(`there is no directory entry at byte ${at}`);
    }
    return item.entry;
  }
}

/** Entries are 32 bytes apart; 1 is the root's. */
export function inodeOfPlace(at: number): number {
  return Math.floor(at / ENTRY_BYTES) + 2;
}

function placeOfInode(inode: number): number {
  return (inode - 2) * ENTRY_BYTES;
}
