import { ByteView } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { type Partition, type PartitionTable, type TableRegion, withOverlaps } from './partition.ts';

const SIGNATURE = 0xaa55;
const TABLE_AT = 446;
const EXTENDED = [0x05, 0x0f, 0x85];
export const PROTECTIVE = 0xee;
const MAX_LOGICAL = 128;

interface MbrEntry {
  readonly status: number;
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

export interface MbrSector {
  readonly diskSignature: number;
  readonly entries: readonly [MbrEntry, MbrEntry, MbrEntry, MbrEntry];
}

/** A boot record with four entries; undefined where the bytes are not one. */
export function decodeMbr(bytes: Uint8Array): MbrSector | undefined {
  const view = new ByteView(bytes, 'boot record');
  if (view.u16le(510) !== SIGNATURE) return undefined;
  const entry = (slot: number): MbrEntry => {
    const at = TABLE_AT + slot * 16;
    return {
      status: view.u8(at),
      type: view.u8(at + 4),
      first: view.u32le(at + 8),
      sectors: view.u32le(at + 12),
    };
  };
  const entries = [entry(0), entry(1), entry(2), entry(3)] as const;
  // A boot sector of FAT or NTFS carries the same signature; its code seldom looks like four entries.
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return undefined;
  return { diskSignature: view.u32le(440), entries };
}

const inUse = (entry: MbrEntry): boolean => entry.type !== 0 && entry.sectors !== 0;

class MbrReader {
  readonly notes: string[] = [];
  readonly partitions: Omit<Partition, 'overlaps'>[] = [];
  /** Where the boot records lie that partitions must not cover. */
  readonly records: TableRegion[] = [];
  /** Why there may be more logical partitions. */
  unseen: string | undefined;
  readonly #device: BlockDevice;
  readonly #sectorSize: number;
  readonly #diskId: string;

  constructor(device: BlockDevice, sectorSize: number, mbr: MbrSector) {
    this.#device = device;
    this.#sectorSize = sectorSize;
    this.#diskId = mbr.diskSignature.toString(16).padStart(8, '0');
  }

  add(slot: number, first: number, sectors: number, type: number): void {
    const name = `${this.#device.name}p${slot}`;
    const start = first * this.#sectorSize;
    const length = sectors * this.#sectorSize;
    if (first === 0 || start + length > this.#device.capabilities.size) {
      this.notes.push(`${name} lies outside the disk and is left out`);
      return;
    }
    const uuid = `${this.#diskId}-${slot.toString(16).padStart(2, '0')}`;
    this.partitions.push({ slot, name, start, length, type: `0x${hex2(type)}`, label: '', uuid });
  }

  /**
   * Follows the chain of extended boot records. Each link must lie further on, so that the chain ends. As in Linux, a
   * record that holds no partition uses up no slot.
   */
  async addLogical(base: number, sectors: number, signal?: AbortSignal): Promise<void> {
    let at = base;
    let slot = 5;
    for (let link = 0; link < MAX_LOGICAL; link += 1) {
      if ((at + 1) * this.#sectorSize > this.#device.capabilities.size) {
        this.notes.push('the chain of logical partitions leads outside the disk');
        return;
      }
      this.records.push({ start: at * this.#sectorSize, length: this.#sectorSize });
      const bytes = new Uint8Array(512);
      await this.#device.read(at * this.#sectorSize, bytes, signal);
      const record = decodeMbr(bytes);
      if (record === undefined) {
        this.notes.push('the chain of logical partitions is broken');
        return;
      }
      const [own, next] = record.entries;
      if (inUse(own)) {
        const first = at + own.first;
        if (own.first === 0 || first + own.sectors > base + sectors) {
          this.notes.push(`${this.#device.name}p${slot} lies outside the extended partition and is left out`);
        } else this.add(slot, first, own.sectors, own.type);
        slot += 1;
      }
      if (!inUse(next) || !EXTENDED.includes(next.type)) return;
      if (base + next.first <= at || next.first >= sectors) {
        this.notes.push('the chain of logical partitions turns back and is not followed');
        return;
      }
      at = base + next.first;
    }
    this.unseen = `only the first ${MAX_LOGICAL} logical partitions are looked at`;
    this.notes.push(this.unseen);
  }
}

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');

/** Reads the partitions of a decoded boot record. The extended partition itself is not listed. */
export async function readMbr(
  device: BlockDevice,
  sectorSize: number,
  mbr: MbrSector,
  signal?: AbortSignal,
): Promise<PartitionTable> {
  const reader = new MbrReader(device, sectorSize, mbr);
  let extended: MbrEntry | undefined;
  for (const [index, entry] of mbr.entries.entries()) {
    if (!inUse(entry)) continue;
    if (!EXTENDED.includes(entry.type)) reader.add(index + 1, entry.first, entry.sectors, entry.type);
    else if (extended === undefined && entry.first > 0) extended = entry;
    else reader.notes.push(`${device.name}p${index + 1} is a second extended partition and is left out`);
  }
  if (extended !== undefined) await reader.addLogical(extended.first, extended.sectors, signal);
  const partitions = withOverlaps(reader.partitions, reader.records, reader.notes);
  const { notes, unseen } = reader;
  return { scheme: 'mbr', partitions, notes, ...(unseen === undefined ? {} : { unseen }) };
}
