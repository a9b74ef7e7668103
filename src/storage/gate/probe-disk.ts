import { NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { boundedDevice } from '../bounded-device.ts';
import type { Partition } from '../partitions/partition.ts';
import { readPartitionTable } from '../partitions/read-table.ts';
import { forPeople } from './for-people.ts';
import { lookForBootSector } from './look-boot-sector.ts';
import { lookForContainers } from './look-containers.ts';
import { lookForExt4 } from './look-ext4.ts';
import { lookForSwap } from './look-swap.ts';
import {
  type DiskProbe,
  type Finding,
  type HibernationEvidence,
  readHead,
  type VolumeProbe,
} from './volume-probe.ts';

const MIN_VOLUME = 4096;
/** Characters of a label, and of a sentence that may hold names from the disk. */
const MAX_TEXT = 64;
const MAX_SENTENCE = 512;

type Place = Pick<Partition, 'name' | 'start' | 'length' | 'uuid' | 'type' | 'overlaps'>;

/** Names what a volume holds. Every signature is looked for: a volume that carries two is refused as one of neither. */
async function identify(device: BlockDevice, signal?: AbortSignal): Promise<Finding> {
  if (device.capabilities.size < MIN_VOLUME) return unknown('The volume is too small to hold a filesystem.');
  const head = await readHead(device, signal);
  const { nameFilesystem, nameRarer } = await import('./name-filesystem.ts');
  const container = await lookForContainers(device, head, signal);
  const findings = [
    container,
    lookForSwap(head),
    await nameFilesystem(device, head, signal),
    // A BitLocker To Go is a small FAT too, for those who cannot open it.
    container?.type === 'bitlocker' ? undefined : await lookForBootSector(device, head, signal),
    await lookForExt4(device, signal),
  ].filter((finding) => finding !== undefined);
  const [first = await nameRarer(device, head, signal), ...others] = findings;
  if (first === undefined) return unknown('The volume holds nothing that this version knows.');
  if (others.length === 0) return first;
  // The superblock of a RAID member may lie at its end: what comes before is one part of the contents, or all of them.
  if (first.type === 'md') return withContents(first, others);
  const names = findings.map(({ type }) => type).join(' and ');
  return {
    type: first.type,
    readRefusal: refusal('VOLUME_UNSUPPORTED', `The volume carries the signatures of ${names}.`),
    hibernation: findings.flatMap(({ hibernation }) => hibernation ?? []),
  };
}

function withContents(member: Finding, contents: readonly Finding[]): Finding {
  const seen = `what lies on it looks like ${contents.map(({ type }) => type).join(' and ')}`;
  return {
    ...member,
    notes: [...(member.notes ?? []), seen],
    hibernation: [member, ...contents].flatMap(({ hibernation }) => hibernation ?? []),
  };
}

function unknown(sentence: string): Finding {
  return { type: 'unknown', readRefusal: refusal('VOLUME_UNSUPPORTED', sentence) };
}

/** Partitions of Windows whose volumes are described elsewhere on the disk, by the type in the table (MBR, GPT). */
const DYNAMIC = ['0x42', '5808c8aa-7e8f-42e0-85d2-e1e90434cfb3', 'af9b60a0-1431-4f62-bc68-3311714a69ad'];

async function look(disk: BlockDevice, place: Place, signal?: AbortSignal): Promise<Finding> {
  if (DYNAMIC.includes(place.type)) {
    const sentence =
      'The partition is one of a Windows dynamic disk, whose volumes this version does not find.';
    return {
      type: 'ldm',
      readRefusal: refusal('VOLUME_UNSUPPORTED', sentence),
      hibernation: [
        { finding: 'hidden', what: 'a Windows dynamic disk, which may hold a hibernated Windows' },
      ],
    };
  }
  try {
    return await identify(boundedDevice(disk, place.start, place.length, place.name), signal);
  } catch (error) {
    // What is bad on one volume must not hide the others.
    if (!(error instanceof NsError) || error.code !== 'NS_BLOCK_IO') throw error;
    return {
      type: 'unknown',
      readRefusal: refusal('DISK_UNREADABLE', 'Sectors that tell what the volume holds cannot be read.'),
      hibernation: [
        { finding: 'unknown', what: 'sectors that cannot be read, where a hibernated system could be' },
      ],
    };
  }
}

const told = ({ code, sentence, remedy }: Refusal): Refusal => ({
  code,
  sentence: forPeople(sentence, MAX_SENTENCE),
  remedy,
});

function probeOf(place: Place, finding: Finding): VolumeProbe {
  const overlap = refusal('PARTITIONS_OVERLAP', `${place.name} overlaps ${place.overlaps.join(' and ')}.`);
  const overlapNote =
    place.overlaps.length === 0
      ? []
      : [`it overlaps ${place.overlaps.join(' and ')}, so this may not be all of it`];
  const writeRefusals = [...(place.overlaps.length > 0 ? [overlap] : []), ...(finding.writeRefusals ?? [])];
  return {
    name: place.name,
    type: finding.type,
    label: forPeople(finding.label, MAX_TEXT),
    uuid: forPeople(finding.uuid, MAX_TEXT),
    size: place.length,
    start: place.start,
    partition: place.uuid,
    ...(finding.readRefusal === undefined ? {} : { readRefusal: told(finding.readRefusal) }),
    writeRefusals: writeRefusals.map(told),
    journal: finding.journal ?? 'none',
    notes: [...overlapNote, ...(finding.notes ?? [])].map((note) => forPeople(note, MAX_SENTENCE)),
    resumes: finding.resumes ?? [],
  };
}

/**
 * Looks at a disk without changing it: its volumes, what each holds, why each may not be read or written, and whether
 * anything on the disk says that the host is hibernated. Throws only what the device throws.
 */
export async function probeDisk(disk: BlockDevice, signal?: AbortSignal): Promise<DiskProbe> {
  const table = await readPartitionTable(disk, signal);
  const whole = {
    name: disk.name,
    start: 0,
    length: disk.capabilities.size,
    uuid: '',
    type: '',
    overlaps: [],
  };
  const places: readonly Place[] = table.scheme === 'none' ? [whole] : table.partitions;
  const volumes: VolumeProbe[] = [];
  const hibernation: HibernationEvidence[] = [];
  const { unseen } = table;
  if (unseen !== undefined)
    hibernation.push({ volume: disk.name, finding: 'unknown', what: `more: ${unseen}` });
  for (const place of places) {
    signal?.throwIfAborted();
    const finding = await look(disk, place, signal);
    for (const { finding: kind, what } of finding.hibernation ?? []) {
      hibernation.push({ volume: place.name, finding: kind, what: forPeople(what, MAX_SENTENCE) });
    }
    volumes.push(probeOf(place, finding));
  }
  const probe = { disk: disk.name, scheme: table.scheme, volumes, hibernation, notes: table.notes };
  return table.scheme === 'none'
    ? probe
    : (await import('./array-of-disks.ts')).asMember(disk, probe, signal);
}
