import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { DiskProbe, HibernationEvidence, VolumeProbe } from './volume-probe.ts';

/** A volume that an order means. */
export interface Volume {
  /** The name of the disk that it lies on. */
  readonly disk: string;
  readonly probe: VolumeProbe;
  /** From every disk of the host. */
  readonly hibernation: readonly HibernationEvidence[];
}

const show = ({ name, type, label }: VolumeProbe): string =>
  `${name} (${type}${label === '' ? '' : ` "${label}"`})`;

/** A label or an identity, or no name at all, could be that of a volume on any disk. */
function couldMean(disk: string, name: string | undefined): boolean {
  if (name === undefined || /^(LABEL|UUID)=/i.test(name)) return true;
  return name === disk || (name.startsWith(`${disk}p`) && /^\d+$/.test(name.slice(disk.length + 1)));
}

/**
 * Finds the volume that a name means: "disk0p2", "disk0" for a filesystem over the whole disk, "LABEL=x" or "UUID=x"
 * (upper and lower case alike). No name means the only volume that can be read. Refuses with NO_SUCH_VOLUME or
 * VOLUME_AMBIGUOUS, which list what there is, or as the disk that the name could mean, where nothing of it can be looked at.
 */
export function resolveVolume(probes: readonly DiskProbe[], name: string | undefined): Verdict<Volume> {
  const hibernation = probes.flatMap((disk) => disk.hibernation);
  const all = probes.flatMap((disk) =>
    disk.volumes.map((probe) => ({ disk: disk.disk, probe, hibernation })),
  );
  const listed = all.length === 0 ? 'there are none' : all.map(({ probe }) => show(probe)).join(', ');
  const one = (fitting: readonly Volume[], none: string, many: string): Verdict<Volume> => {
    const [first, second] = fitting;
    if (first === undefined) {
      const closed = probes.find(({ disk, refusal }) => refusal !== undefined && couldMean(disk, name));
      if (closed?.refusal !== undefined) return { ok: false, refusal: closed.refusal };
      return refuse('NO_SUCH_VOLUME', `${none} Volumes: ${listed}.`);
    }
    if (second !== undefined) {
      const names = fitting.map(({ probe }) => show(probe)).join(', ');
      return refuse('VOLUME_AMBIGUOUS', `${many}: ${names}.`);
    }
    return allow(first);
  };
  if (name === undefined) {
    const readable = all.filter(({ probe }) => probe.readRefusal === undefined);
    return one(readable, 'No volume can be read.', 'More than one volume can be read');
  }
  const tag = /^(LABEL|UUID)=(.*)$/isu.exec(name);
  const wanted = (tag?.[2] ?? name).toLowerCase();
  const field = tag === null ? 'name' : tag[1]!.toLowerCase() === 'label' ? 'label' : 'uuid';
  const fitting = wanted === '' ? [] : all.filter(({ probe }) => probe[field].toLowerCase() === wanted);
  return one(fitting, `There is no volume ${name}.`, `More than one volume is ${name}`);
}
