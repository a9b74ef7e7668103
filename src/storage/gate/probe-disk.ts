import { refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { boundedDevice } from '../bounded-device.ts';
import { hasControl } from '../host-path.ts';
import type { Partition } from '../partitions/partition.ts';
import { readPartitionTable } from '../partitions/read-table.ts';
import { lookForBootSector } from './look-boot-sector.ts';
import { lookForContainers } from './look-containers.ts';
import { lookForExt4 } from './look-ext4.ts';
import { lookForOtherFilesystems } from './look-filesystems.ts';
import { lookForSwap } from './look-swap.ts';
import {
  type DiskProbe,
  type Finding,
  type HibernationEvidence,
  readHead,
  type VolumeProbe,
} from './volume-probe.ts';

const MIN_VOLUME = 4096;
const MAX_TEXT = 64;

/** Names what a volume holds. Every signature is looked for: a volume that carries two is refused as one of neither. */
async function identify(device: BlockDevice, signal?: AbortSignal): Promise<Finding> {
  if (device.capabilities.size < MIN_VOLUME) return unknown('The volume is too small to hold a filesystem.');
  const head = await readHead(device, signal);
  const findings = [
    await lookForContainers(device, head, signal),
    lookForSwap(head),
    lookForOtherFilesystems(head),
    await lookForBootSector(device, head, signal),
    await lookForExt4(device, signal),
  ].filter((finding) => finding !== undefined);
  const [first, ...others] = findings;
  if (first === undefined) return unknown('The volume holds nothing that this version knows.');
  if (others.length === 0) return first;
  const names = findings.map(({ type }) => type).join(' and ');
  return {
    type: first.type,
    readRefusal: refusal('VOLUME_UNSUPPORTED', `The volume carries the signatures of ${names}.`),
    hibernation: findings.flatMap(({ hibernation }) => hibernation ?? []),
  };
}

function unknown(sentence: string): Finding {
  return { type: 'unknown', readRefusal: refusal('VOLUME_UNSUPPORTED', sentence) };
}

/** Text from a disk nobody trusts ends up on terminals: short, and without control characters. */
function forPeople(text = ''): string {
  return Array.from(text.slice(0, MAX_TEXT), (character) =>
    hasControl(character) ? '\ufffd' : character,
  ).join('');
}

/** The device of one volume: bounds that nothing done to the volume can leave. The disk stays the caller's to close. */
export function volumeDevice(
  disk: BlockDevice,
  volume: Pick<VolumeProbe, 'name' | 'start' | 'size'>,
): BlockDevice {
  return boundedDevice(disk, volume.start, volume.size, volume.name);
}

/**
 * Looks at a disk without changing it: its volumes, what each holds, why each may not be read or written, and whether
 * anything on the disk says that the host is hibernated. Throws only what the device throws.
 */
export async function probeDisk(disk: BlockDevice, signal?: AbortSignal): Promise<DiskProbe> {
  const table = await readPartitionTable(disk, signal);
  const places: readonly Pick<Partition, 'name' | 'start' | 'length' | 'label' | 'uuid'>[] =
    table.scheme === 'none'
      ? [{ name: disk.name, start: 0, length: disk.capabilities.size, label: '', uuid: '' }]
      : table.partitions;
  const volumes: VolumeProbe[] = [];
  const hibernation: HibernationEvidence[] = [];
  for (const { name, start, length } of places) {
    signal?.throwIfAborted();
    const finding = await identify(boundedDevice(disk, start, length, name), signal);
    for (const evidence of finding.hibernation ?? []) hibernation.push({ volume: name, ...evidence });
    volumes.push({
      name,
      type: finding.type,
      label: forPeople(finding.label),
      uuid: forPeople(finding.uuid),
      size: length,
      start,
      ...(finding.readRefusal === undefined ? {} : { readRefusal: finding.readRefusal }),
      writeRefusals: finding.writeRefusals ?? [],
      journal: finding.journal ?? 'none',
      notes: finding.notes ?? [],
    });
  }
  return { disk: disk.name, scheme: table.scheme, volumes, hibernation, notes: table.notes };
}
