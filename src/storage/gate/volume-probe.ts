import type { Refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/** What on a disk says that its host may count on the disk staying as it is. */
export interface HibernationEvidence {
  /** "disk0p3" */
  readonly volume: string;
  /**
   * `hibernated`: an image of the host's memory is there. `unknown`: it could not be found out. `hidden`: an encrypted
   * volume, which could hold one.
   */
  readonly finding: 'hibernated' | 'unknown' | 'hidden';
  /** For people: what was found, and where. */
  readonly what: string;
}

/** Evidence of one volume, before it is said which. */
export type Evidence = Omit<HibernationEvidence, 'volume'>;

/** Where a host would look for a hibernated system at its start, as its boot files say. */
export interface ResumePlace {
  /** As written: "UUID=…", "/dev/sda2", "/dev/mapper/vg-swap". */
  readonly device: string;
  /** Pages from the beginning of that device, for a swap file. */
  readonly offset?: number;
  /** The path that says so. */
  readonly from: string;
}

/** Whether a dirty journal can be replayed on a copy. */
export type JournalState = 'none' | 'clean' | 'dirty' | 'dirty-external';

/** What the gate found out about one volume by looking at its signatures. */
export interface VolumeProbe {
  /** "disk0p2"; "disk0" for a filesystem over the whole disk. */
  readonly name: string;
  /** "ext4", "swap", "luks", "ntfs", …; "unknown". */
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes from the start of the disk. */
  readonly start: number;
  /** The partition's own identity in the table; empty for a whole disk. */
  readonly partition: string;
  /** Why it can never be read here. */
  readonly readRefusal?: Refusal;
  /** Why it may not be written, apart from the journal and from hibernation. The first is the most telling. */
  readonly writeRefusals: readonly Refusal[];
  readonly journal: JournalState;
  /** What a reader should know. */
  readonly notes: readonly string[];
  /** Where the host would look for a hibernated system, as this volume's files say. */
  readonly resumes: readonly ResumePlace[];
}

/** Everything that the gate found out about one disk. */
export interface DiskProbe {
  readonly disk: string;
  readonly scheme: 'gpt' | 'mbr' | 'none';
  readonly volumes: readonly VolumeProbe[];
  readonly hibernation: readonly HibernationEvidence[];
  /** From the partition table. */
  readonly notes: readonly string[];
  /** Why nothing of this disk can be looked at: DISK_LOCKED, DISK_UNREADABLE. */
  readonly refusal?: Refusal;
}

/** What the look at one volume yields, before its name and place are added. */
export interface Finding {
  readonly type: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly readRefusal?: Refusal;
  readonly writeRefusals?: readonly Refusal[];
  readonly journal?: JournalState;
  readonly notes?: readonly string[];
  readonly hibernation?: readonly Evidence[];
  readonly resumes?: readonly ResumePlace[];
}

/** Looks for one kind of contents; undefined where the volume is of another kind. */
export type Look = (
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
) => Promise<Finding | undefined>;

/** The first bytes of a volume, padded with zeros where the volume is shorter. */
export interface VolumeHead {
  readonly bytes: Uint8Array;
  /** Latin-1 text at an offset. */
  text(offset: number, length: number): string;
}

/** Reaches past the btrfs superblock and the swap header of 64 KiB pages. */
export const HEAD_SIZE = 72 * 1024;

/** The head of a volume, or of a file that could be one; no more than HEAD_SIZE of it. */
export function headOf(start: Uint8Array): VolumeHead {
  const bytes = new Uint8Array(HEAD_SIZE);
  bytes.set(start.subarray(0, HEAD_SIZE));
  return {
    bytes,
    text: (offset, count) => Buffer.from(bytes.subarray(offset, offset + count)).toString('latin1'),
  };
}

export async function readHead(device: BlockDevice, signal?: AbortSignal): Promise<VolumeHead> {
  const start = new Uint8Array(Math.min(HEAD_SIZE, device.capabilities.size));
  await device.read(0, start, signal);
  return headOf(start);
}
