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
}

export interface PartitionTable {
  readonly scheme: 'gpt' | 'mbr' | 'none';
  /** In slot order. */
  readonly partitions: readonly Partition[];
  /** Entries left out and why, a backup table in use, and the like; sentences for people. */
  readonly notes: readonly string[];
}

/**
 * Leaves out the partitions that overlap another one: which of them is right cannot be known, and a write to the
 * wrong one destroys the other. Each is named in the notes.
 */
export function withoutOverlaps(partitions: readonly Partition[], notes: string[]): Partition[] {
  const byStart = [...partitions].sort((a, b) => a.start - b.start);
  const bad = new Set<Partition>();
  let reach: Partition | undefined;
  for (const partition of byStart) {
    if (reach !== undefined && partition.start < reach.start + reach.length) {
      bad.add(partition).add(reach);
      notes.push(`${partition.name} overlaps ${reach.name}; both are left out`);
    }
    if (reach === undefined || partition.start + partition.length > reach.start + reach.length) {
      reach = partition;
    }
  }
  return partitions.filter((partition) => !bad.has(partition)).sort((a, b) => a.slot - b.slot);
}
