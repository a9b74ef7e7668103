import { NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { DiskProbe } from './volume-probe.ts';

/** A disk of the host, and why nothing of it can be looked at, where that is known beforehand. */
export interface DiskToProbe {
  readonly disk: string;
  readonly device: BlockDevice;
  readonly refusal?: Refusal;
}

/**
 * Looks at all disks of a host without changing them: what one holds decides whether another may be written. A disk that
 * cannot be looked at is in the list, with its reason and without volumes. Throws only what the devices throw.
 */
export async function probeDisks(
  disks: readonly DiskToProbe[],
  signal?: AbortSignal,
  onProbed: (count: number) => void = () => {},
): Promise<readonly DiskProbe[]> {
  const probes: DiskProbe[] = [];
  for (const { disk, device, refusal: why } of disks) {
    probes.push(why === undefined ? await look(disk, device, signal) : closed(disk, why, 'hidden'));
    onProbed(probes.length);
  }
  if (probes.every(({ volumes }) => volumes.every(({ resumes }) => resumes.length === 0))) return probes;
  const { followResume } = await import('./follow-resume.ts');
  const devices = new Map(disks.map(({ disk, device }) => [disk, device]));
  const more = await followResume(probes, devices, signal);
  const [first, ...rest] = probes;
  return first === undefined ? [] : [{ ...first, hibernation: [...first.hibernation, ...more] }, ...rest];
}

/** A disk that fails keeps nobody from reading the others. */
async function look(disk: string, device: BlockDevice, signal?: AbortSignal): Promise<DiskProbe> {
  // What knows the signatures is loaded by the first order that looks at a disk.
  const { probeDisk } = await import('./probe-disk.ts');
  try {
    return { ...(await probeDisk(device, signal)), disk };
  } catch (error) {
    if (!(error instanceof NsError) || error.code !== 'NS_BLOCK_IO') throw error;
    return closed(
      disk,
      refusal('DISK_UNREADABLE', `Sectors of ${disk} that are needed cannot be read.`),
      'unknown',
    );
  }
}

function closed(disk: string, why: Refusal, finding: 'hidden' | 'unknown'): DiskProbe {
  const what = 'what cannot be looked at, and may be a hibernated system';
  const hibernation = [{ volume: disk, finding, what }];
  return { disk, scheme: 'none', volumes: [], hibernation, notes: [], refusal: why };
}
