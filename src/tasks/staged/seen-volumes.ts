import type { DiskProbe, VolumeProbe } from '../../storage/index.ts';
import { type KnownVolume, MOST_SEEN, type SeenVolume } from './staged-record.ts';

type Identified = Pick<VolumeProbe, 'name' | 'type' | 'label' | 'uuid' | 'size' | 'start'>;

/**
 * What tells a volume from another: the UUID that its filesystem has of its own; where it has none, its kind, label and
 * place. A copy of the whole disk is the same by this.
 */
export function identityOf({ name, type, label, uuid, size, start }: Identified): KnownVolume {
  const id = uuid === '' ? `${type} ${JSON.stringify(label)} ${start}+${size}` : `UUID ${uuid.toLowerCase()}`;
  return { id: id.slice(0, 256), name: name.slice(0, 128) };
}

/** What is remembered of a look at all disks. */
export function volumesIn(probes: readonly DiskProbe[]): readonly SeenVolume[] {
  return probes
    .flatMap(({ disk, volumes }) =>
      volumes.map(({ name, type, label, uuid, size, start, readRefusal }) => ({
        disk: disk.slice(0, 64),
        name: name.slice(0, 128),
        type: type.slice(0, 32),
        label: label.slice(0, 256),
        uuid: uuid.slice(0, 128),
        size,
        start,
        readable: readRefusal === undefined,
      })),
    )
    .slice(0, MOST_SEEN);
}

/**
 * The volume that a name means among those last seen, as the gate resolves names; undefined where it is none of them, or
 * several.
 */
export function volumeNamed(seen: readonly SeenVolume[], name: string | undefined): KnownVolume | undefined {
  const tag = /^(LABEL|UUID)=(.*)$/isu.exec(name ?? '');
  const field = tag === null ? 'name' : tag[1]?.toLowerCase() === 'label' ? 'label' : 'uuid';
  const wanted = (tag?.[2] ?? name)?.toLowerCase();
  const fitting = seen.filter((volume) =>
    wanted === undefined ? volume.readable : wanted !== '' && volume[field].toLowerCase() === wanted,
  );
  const [only, other] = fitting;
  return only === undefined || other !== undefined ? undefined : identityOf(only);
}
