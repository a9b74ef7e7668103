import { ByteView, formatBytes } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { boundedDevice } from '../bounded-device.ts';
import { opaque } from './container.ts';
import { judgeSwapHeader } from './look-swap.ts';
import { readVolumeGroup, type VolumeGroup } from './lvm-metadata.ts';
import { type Evidence, type Finding, readHead, type VolumeHead } from './volume-probe.ts';

const LABEL_BYTES = 512;
const UUID_AT = 0;
/** Logical volumes that are named. */
const NAMED = 24;
/** Logical volumes that are looked at for a hibernated system. */
const LOOKED_AT = 64;

/** "abcdef-ghij-…": 32 letters in groups of 6, 4, 4, 4, 4, 4 and 6, as LVM writes them. */
const hyphened = (id: string): string =>
  /^[\w!#]{32}$/.test(id)
    ? id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7')
    : '';

/**
 * A physical volume of LVM2: its group and the logical volumes, by the text that lies on it. Those that begin on it and
 * are linear are looked at for a hibernated system; any other could hold one.
 */
export async function lookAtLvm(
  device: BlockDevice,
  head: VolumeHead,
  labelAt: number,
  signal?: AbortSignal,
): Promise<Finding> {
  const label = new ByteView(head.bytes.subarray(labelAt, labelAt + LABEL_BYTES), 'LVM label');
  const at = label.u32le(20);
  const uuid = at >= 32 && at + 40 <= LABEL_BYTES ? hyphened(label.ascii(at + UUID_AT, 32)) : '';
  const group = await readVolumeGroup(device, label, at, signal);
  if (group === undefined) {
    return opaque('lvm2', 'a physical volume of LVM2', {
      uuid,
      notes: ['its description of the volume group is not whole'],
    });
  }
  const asleep = await hibernatedIn(device, group, uuid, signal);
  return opaque('lvm2', 'a physical volume of LVM2', {
    label: group.name,
    uuid,
    notes: [say(group)],
    hibernation: [
      ...asleep,
      { finding: 'hidden', what: `the volume group "${group.name}" of LVM2, which may hold hibernated swap` },
    ],
  });
}

function say({ name, volumes, physical, extentSize }: VolumeGroup): string {
  const told = volumes
    .slice(0, NAMED)
    .map((volume) => `${volume.name} ${formatBytes(volume.extents * extentSize)} ${volume.layout}`);
  const more = volumes.length > NAMED ? `, and ${volumes.length - NAMED} more` : '';
  const of = physical.length === 1 ? 'this physical volume' : `${physical.length} physical volumes`;
  return `volume group "${name}" on ${of}: ${told.join(', ') || 'no logical volume'}${more}`;
}

async function hibernatedIn(
  device: BlockDevice,
  { volumes, physical, extentSize, name }: VolumeGroup,
  uuid: string,
  signal?: AbortSignal,
): Promise<Evidence[]> {
  const own = physical.find((one) => one.uuid === uuid);
  if (own === undefined) return [];
  const found: Evidence[] = [];
  for (const volume of volumes.slice(0, LOOKED_AT)) {
    if (volume.layout !== 'linear' || volume.first?.physical !== own.name) continue;
    const start = own.start + volume.first.extent * extentSize;
    const length = Math.min(volume.extents * extentSize, device.capabilities.size - start);
    if (!(start >= 0) || !(length >= 4096)) continue;
    const swap = judgeSwapHeader(await readHead(boundedDevice(device, start, length, volume.name), signal));
    if (swap?.state !== 'hibernated') continue;
    found.push({
      finding: 'hibernated',
      what: `hibernated swap in ${name}/${volume.name} (${swap.signature})`,
    });
  }
  return found;
}
