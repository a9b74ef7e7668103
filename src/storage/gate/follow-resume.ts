import type { BlockDevice } from '../../ports/index.ts';
import { boundedDevice } from '../bounded-device.ts';
import { forPeople } from './for-people.ts';
import { judgeSwapHeader } from './look-swap.ts';
import {
  type DiskProbe,
  type HibernationEvidence,
  type ResumePlace,
  readHead,
  type VolumeProbe,
} from './volume-probe.ts';

/** Pages that a resume offset may be counted in: those of x86, and of ARM kernels. */
const PAGES = [4096, 16_384, 65_536];
const MAX_TEXT = 200;

interface Told extends ResumePlace {
  /** The volume whose files say so. */
  readonly by: string;
}

/**
 * What the places tell where a host would look for a hibernated system: a swap file at an offset is looked at, on
 * whichever disk and filesystem it lies; a place that no volume here is could hold one all the same. Swap partitions
 * are looked at anyway.
 */
export async function followResume(
  probes: readonly DiskProbe[],
  disks: ReadonlyMap<string, BlockDevice>,
  signal?: AbortSignal,
): Promise<HibernationEvidence[]> {
  const found: HibernationEvidence[] = [];
  const places = new Map<string, Told>();
  for (const { name, resumes } of probes.flatMap(({ volumes }) => volumes)) {
    for (const place of resumes) places.set(`${place.device} ${place.offset}`, { ...place, by: name });
  }
  for (const place of places.values()) {
    const there = volumeAt(probes, place.device);
    const said = `resume=${forPeople(place.device, MAX_TEXT)} in ${forPeople(place.from, MAX_TEXT)}`;
    if (there === undefined) {
      found.push({
        volume: place.by,
        finding: 'hidden',
        what: `${said}, which is no volume that can be looked at`,
      });
    } else if (place.offset !== undefined) {
      const disk = disks.get(there.disk);
      const header = disk && (await headerAt(disk, there.volume, place.offset, signal));
      if (header === undefined) continue;
      const what = `a hibernated swap file (${header}) where ${said} of ${place.by} says`;
      found.push({ volume: there.volume.name, finding: 'hibernated', what });
    }
  }
  return found;
}

interface There {
  readonly disk: string;
  readonly volume: VolumeProbe;
}

/** The volume that a Linux would take; undefined where it is none of these, or not known which. */
function volumeAt(probes: readonly DiskProbe[], device: string): There | undefined {
  const all = probes.flatMap(({ disk, volumes }) => volumes.map((volume) => ({ disk, volume })));
  const tag =
    /^(UUID|LABEL|PARTUUID)=(.+)$/i.exec(device) ??
    /^\/dev\/disk\/by-(uuid|label|partuuid)\/(.+)$/.exec(device);
  if (tag !== null) {
    const wanted = tag[2]!.toLowerCase();
    const field = ({ uuid: 'uuid', label: 'label', partuuid: 'partition' } as const)[
      tag[1]!.toLowerCase() as 'uuid' | 'label' | 'partuuid'
    ];
    return all.find(({ volume }) => volume[field].toLowerCase() === wanted);
  }
  // Names of the kernel do not say which disk; where there is but one, they do.
  const slot = /^\/dev\/(?:[hsv]d[a-z]+|(?:nvme\d+n|mmcblk)\d+p)(\d+)$/.exec(device)?.[1];
  const [only, other] = probes;
  if (slot === undefined || only === undefined || other !== undefined) return undefined;
  return all.find(({ volume }) => volume.name === `${only.disk}p${slot}`);
}

async function headerAt(
  disk: BlockDevice,
  { start, size, name }: VolumeProbe,
  offset: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (const page of PAGES) {
    const at = offset * page;
    if (at + page > size) continue;
    const header = judgeSwapHeader(await readHead(boundedDevice(disk, start + at, size - at, name), signal));
    if (header?.state === 'hibernated') return header.signature;
  }
  return undefined;
}
