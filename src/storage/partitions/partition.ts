/** One partition. */
export interface Partition {
  /** Stable: GPT entry index + 1; MBR 1 to 4 for primary slots, from 5 for logical ones. Gaps never shift it. */
  readonly slot: number;
  /** "disk0p2" */
  readonly name: string;
  /** Bytes from the start of the disk. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** GPT: the type GUID; MBR: "0x83". */
  readonly type: string;
  /** GPT partition name; empty for MBR. */
  readonly label: string;
  /** GPT: the partition's own GUID; MBR: disk signature and slot, "1a2b3c4d-02". */
  readonly uuid: string;
  /** What else the table says lies in the same place: "disk0p3", "the table itself". Empty for a sound table. */
  readonly overlaps: readonly string[];
}

export interface PartitionTable {
  readonly scheme: 'gpt' | 'mbr' | 'none';
  /** In slot order. */
  readonly partitions: readonly Partition[];
  /** Entries left out and why, a backup table in use, and the like; sentences for people. */
  readonly notes: readonly string[];
  /** Why there may be partitions that are not in the list, so that nobody knows what is in them. */
  readonly unseen?: string;
}

/** A stretch of the disk that a table takes up itself. */
export interface TableRegion {
  readonly start: number;
  readonly length: number;
}

/** As many as Linux shows of one disk. */
export const MAX_PARTITIONS = 256;
const NAMED = 4;

type Placed = Omit<Partition, 'overlaps'>;

/**
 * Says of each partition what it overlaps: which of two is right cannot be known, and a write to the wrong one destroys
 * the other. Each is named in the notes. In slot order.
 */
export function withOverlaps(
  partitions: readonly Placed[],
  regions: readonly TableRegion[],
  notes: string[],
): Partition[] {
  const byStart = [...partitions].sort((a, b) => a.start - b.start);
  const found = new Map<Placed, string[]>();
  const note = (partition: Placed, what: string): void => {
    const known = found.get(partition) ?? [];
    if (known.length < NAMED && !known.includes(what)) known.push(what);
    found.set(partition, known);
  };
  let reach: Placed | undefined;
  for (const partition of byStart) {
    if (reach !== undefined && partition.start < reach.start + reach.length) {
      note(partition, reach.name);
      note(reach, partition.name);
    }
    if (reach === undefined || partition.start + partition.length > reach.start + reach.length) {
      reach = partition;
    }
    const { start, length } = partition;
    if (regions.some((region) => start < region.start + region.length && region.start < start + length)) {
      note(partition, 'the partition table itself');
    }
  }
  for (const partition of partitions) {
    const what = found.get(partition)?.join(', ');
    if (what !== undefined) notes.push(`${partition.name} overlaps ${what}, and is not written`);
  }
  return partitions
    .map((partition) => ({ ...partition, overlaps: found.get(partition) ?? [] }))
    .sort((a, b) => a.slot - b.slot);
}
