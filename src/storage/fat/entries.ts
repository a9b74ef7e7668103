import { KiB } from '../../base/index.ts';
import type { BlockDevice, DirectoryEntry } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { ENTRY_BYTES, EntryReader, type FatEntry } from './dirent.ts';

/** No record lies across two of these. */
const PAGE = 4 * KiB;

/** Entries by the place of their record, which says all but the long name. */
export class FatEntries {
  readonly #device: BlockDevice;
  readonly #wide: boolean;
  #page: { readonly at: number; readonly bytes: Uint8Array } | undefined;

  /** `wide`: FAT32. */
  constructor(device: BlockDevice, wide: boolean) {
    this.#device = device;
    this.#wide = wide;
  }

  /** Throws NS_FS_CORRUPT where there is none. */
  async find({ inode }: DirectoryEntry, signal?: AbortSignal): Promise<FatEntry> {
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
