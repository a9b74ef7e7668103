import { ByteView, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { readMd, sayMd } from './look-md.ts';
import type { DiskProbe } from './volume-probe.ts';

const SECTOR = 512;

interface Membership {
  readonly what: string;
  /** Each member has the whole contents. */
  readonly mirror: boolean;
}

/**
 * A disk with a partition table can itself be a member of an array: then the table is that of the array, and what
 * looks like a sound filesystem is a part of one, or one of several copies that must stay alike.
 */
export async function asMember(
  disk: BlockDevice,
  probe: DiskProbe,
  signal?: AbortSignal,
): Promise<DiskProbe> {
  const member = (await softwareRaid(disk, probe, signal)) ?? (await firmwareRaid(disk, signal));
  if (member === undefined) return probe;
  const { what, mirror } = member;
  const read = refusal(
    'VOLUME_UNSUPPORTED',
    `${probe.disk} is ${what}, which this version does not put together.`,
  );
  const write = refusal(
    'VOLUME_READ_ONLY',
    `${probe.disk} is ${what}: a write to one member alone would leave the others different.`,
  );
  const closed = (own: Refusal | undefined): { readRefusal?: Refusal } => {
    const why = own ?? (mirror ? undefined : read);
    return why === undefined ? {} : { readRefusal: why };
  };
  return {
    ...probe,
    notes: [...probe.notes, `the disk is ${what}`],
    volumes: probe.volumes.map((volume) => ({
      ...volume,
      ...closed(volume.readRefusal),
      writeRefusals: [write, ...volume.writeRefusals],
    })),
    hibernation: [
      ...probe.hibernation,
      { volume: probe.disk, finding: 'hidden', what: `${what}, which may hold a hibernated system` },
    ],
  };
}

/** By the superblock for the whole disk; one for the last partition lies in the same place, and counts for that alone. */
async function softwareRaid(
  disk: BlockDevice,
  { volumes }: DiskProbe,
  signal?: AbortSignal,
): Promise<Membership | undefined> {
  const member = await readMd(disk, signal);
  if (member === undefined || !member.fits) return undefined;
  if (member.version === '0.90' && volumes.some(({ type }) => type === 'md')) return undefined;
  return { what: `${sayMd(member)}, as a whole disk`, mirror: member.level === 'raid1' };
}

/** What the firmware of PCs and of RAID controllers leaves at the end of each member. */
async function firmwareRaid(disk: BlockDevice, signal?: AbortSignal): Promise<Membership | undefined> {
  const { size } = disk.capabilities;
  if (size < 4 * SECTOR) return undefined;
  const end = new Uint8Array(2 * SECTOR);
  await disk.read((Math.floor(size / SECTOR) - 2) * SECTOR, end, signal);
  const view = new ByteView(end, 'end of the disk');
  if (view.ascii(0, 24) === 'Intel Raid ISM Cfg Sig. ') {
    return { what: "a member of a RAID of Intel's firmware", mirror: false };
  }
  if (view.u32be(SECTOR) === 0xde11de11)
    return { what: 'a member of a RAID of its controller (DDF)', mirror: false };
  return undefined;
}
