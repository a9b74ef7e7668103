import { createHash } from 'node:crypto';
import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { Lease } from '../../bmc/index.ts';
import type { BlockDevice, FileSystem } from '../../ports/index.ts';
import type { Order, ResultOf } from '../../protocol/index.ts';
import {
  type DiskProbe,
  judgeVolume,
  openFileSystem,
  probeDisks,
  resolveVolume,
  type VolumeProbe,
  volumeDevice,
} from '../../storage/index.ts';
import { breather } from '../file/give-way.ts';
import { sendOffered } from '../file/send-offered.ts';
import { disksOf, withDisks } from '../file/volume-access.ts';
import type { TaskContext } from '../task.ts';
import { ImageSource, type Part } from './image-source.ts';

const NOTES_MAX = 32;
/** Of each volume, what its filesystem changes whenever it is written. */
const HEAD = 8192;

/** What an order means by a name: a disk, or a volume of one. */
interface Subject {
  readonly device: BlockDevice;
  readonly disk: string;
  readonly kind: Pick<ResultOf<'volume.upload'>['volume'], 'name' | 'type' | 'label' | 'uuid'>;
  /** The volumes that lie in it, and where. */
  readonly parts: readonly Part[];
  readonly notes: readonly string[];
}

/** Offers the image and sends it: no byte of it is kept here. */
export function sendImage(
  { args }: Order<'volume.upload'>,
  context: TaskContext,
): Promise<Verdict<ResultOf<'volume.upload'>>> {
  const staleOk = args.staleOk === true;
  return withDisks(context, { want: 'read', staleOk }, async (leases, signal) => {
    const disks = await disksOf(context.services, leases, signal);
    const probes = await probeDisks(disks, signal, (count) => context.progress('looking at disks', count));
    const found = subjectOf(probes, leases, args.volume);
    if (!found.ok) return found;
    const { device, disk, kind, parts, notes } = found.value;
    const evidence = probes.flatMap(({ hibernation }) => hibernation);
    const permit = judgeVolume(AS_IT_IS, evidence, { want: 'read', staleOk });
    if (!permit.ok) return permit;
    const image = await ImageSource.open(device, args.usedOnly === true ? parts : [], signal);
    const state = await stateOf(device, parts, signal);
    const { size } = device.capabilities;
    const breathe = breather(context.services.clock);
    const { sha256 } = await sendOffered(
      context,
      {
        size,
        inode: state.mark,
        mtime: state.lastWrite,
        read: async (offset, into, chunkSignal) => {
          await breathe(chunkSignal);
          await image.read(offset, into, chunkSignal);
        },
        zeros: async (offset, length, chunkSignal) => {
          await breathe(chunkSignal);
          return image.zeros(offset, length, chunkSignal);
        },
      },
      signal,
    );
    const stale = permit.value.stale || leases.get(disk)?.stale === true;
    const told = [...notes, ...permit.value.notes, ...image.notes].slice(0, NOTES_MAX);
    return allow({ volume: { ...kind, stale, notes: told }, size, sha256 });
  });
}

function subjectOf(
  probes: readonly DiskProbe[],
  leases: ReadonlyMap<string, Lease>,
  wanted: string,
): Verdict<Subject> {
  const whole = probes.find(({ disk }) => disk === wanted.toLowerCase());
  const found = whole === undefined ? resolveVolume(probes, wanted) : undefined;
  if (found?.ok === false) return found;
  const disk = found?.value.disk ?? whole?.disk ?? '';
  const probe = probes.find((each) => each.disk === disk);
  const lease = leases.get(disk);
  if (lease === undefined || probe === undefined) return refuse('NO_SUCH_DISK');
  if (probe.refusal !== undefined) return { ok: false, refusal: probe.refusal };
  const partOf = (volume: VolumeProbe, start: number): Part => ({
    volume,
    device: volumeDevice(lease.device, volume),
    start,
  });
  if (found !== undefined) {
    const { name, type, label, uuid } = found.value.probe;
    const parts = [partOf(found.value.probe, 0)];
    const device = volumeDevice(lease.device, found.value.probe);
    return allow({ device, disk, kind: { name, type, label, uuid }, parts, notes: notesOf(parts) });
  }
  const parts = probe.volumes.map((volume) => partOf(volume, volume.start));
  const type = probe.scheme === 'none' ? 'disk' : `disk, ${probe.scheme}`;
  const notes = [...probe.notes, ...notesOf(parts)];
  return allow({ device: lease.device, disk, kind: { name: disk, type, label: '', uuid: '' }, parts, notes });
}

/** An image is what is there: contents that cannot be read as files here, or are damaged, do not stand in its way. */
const AS_IT_IS: VolumeProbe = {
  name: '',
  type: '',
  label: '',
  uuid: '',
  partition: '',
  size: 0,
  start: 0,
  writeRefusals: [],
  journal: 'none',
  notes: [],
  resumes: [],
};

function notesOf(parts: readonly Part[]): string[] {
  return parts.flatMap(({ volume: { name, type, journal, readRefusal } }) => [
    ...(readRefusal?.code === 'VOLUME_ENCRYPTED'
      ? [`${name} (${type}) is cipher text here, and worth nothing without its key`]
      : []),
    ...(journal === 'dirty' || journal === 'dirty-external'
      ? [`the journal of ${name} holds changes, which whoever mounts the image replays`]
      : []),
  ]);
}

/** The same as long as nothing has written to it, as far as filesystems tell; the hash of the whole tells for certain. */
async function stateOf(
  device: BlockDevice,
  parts: readonly Part[],
  signal: AbortSignal,
): Promise<{ readonly mark: number; readonly lastWrite: number }> {
  const mark = createHash('sha256');
  let lastWrite = 0;
  for (const each of [device, ...parts.map((part) => part.device)]) {
    const head = new Uint8Array(Math.min(HEAD, each.capabilities.size));
    await each.read(0, head, signal);
    mark.update(head);
  }
  for (const { volume, device: inside } of parts) {
    if (volume.readRefusal !== undefined) continue;
    const facts = await factsOf(inside, volume.type, signal);
    if (facts === undefined) continue;
    mark.update(`${volume.name} ${facts.lastWrite} ${facts.free ?? ''}\n`);
    lastWrite = Math.max(lastWrite, facts.lastWrite);
  }
  return { mark: mark.digest().readUIntBE(0, 6), lastWrite };
}

async function factsOf(
  device: BlockDevice,
  type: string,
  signal: AbortSignal,
): Promise<FileSystem['facts'] | undefined> {
  try {
    return (await openFileSystem(device, type, signal)).facts;
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    return undefined;
  }
}
