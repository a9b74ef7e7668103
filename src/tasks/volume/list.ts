import { allow, minutes, NsError, type Refusal, refusal, type Verdict } from '../../base/index.ts';
import { judgeAccess, type Lease } from '../../bmc/index.ts';
import { type ResultOf, VOLUMES_A_PAGE } from '../../protocol/index.ts';
import {
  type HibernationEvidence,
  judgeVolume,
  openFileSystem,
  probeDisks,
  type VolumeProbe,
  volumeDevice,
} from '../../storage/index.ts';
import { disksOf, withDisks } from '../file/volume-access.ts';
import type { TaskKind } from '../task.ts';

type Listed = ResultOf<'volume.list'>['volumes'][number];
type May = Listed['read'];

/** More than any disk has; what is told of is bounded by the size of an answer. */
const EVIDENCE_MAX = 32;
const NOTES_MAX = 16;

/** All volumes of the host, what each is, and what may be done with it in this state of the host, with the reasons. */
export const volumeList: TaskKind<'volume.list'> = {
  verb: 'volume.list',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(2),
  run: ({ args }, context) =>
    withDisks(context, { want: 'read', staleOk: true }, async (leases, signal) => {
      const { power } = context.services;
      const reading = await power.read(signal);
      const writable = judgeAccess({ power: reading, want: 'write', staleOk: false, ownPower: true });
      const disks = await disksOf(context.services, leases, signal);
      const probes = await probeDisks(disks, signal, (count) =>
        context.progress('looking at disks', count, leases.size),
      );
      const evidence = probes.flatMap(({ hibernation }) => hibernation);
      const all = probes.flatMap(({ disk, volumes }) => volumes.map((volume) => ({ disk, volume })));
      const from =
        args.after === undefined ? 0 : all.findIndex(({ volume }) => volume.name === args.after) + 1;
      const page = all.slice(from, from + VOLUMES_A_PAGE);
      const volumes: Listed[] = [];
      for (const { disk, volume } of page) {
        const lease = leases.get(disk);
        if (lease === undefined) continue;
        volumes.push(await listed(volume, lease, evidence, writable, signal));
        context.progress('looking at volumes', volumes.length);
      }
      const more = from + page.length < all.length ? page.at(-1)?.volume.name : undefined;
      return allow({
        power: reading.state,
        disks: probes.map(({ disk, scheme, notes, refusal: why }) => {
          const { size = 0, sectorSize = 0 } = leases.get(disk)?.device.capabilities ?? {};
          const closed = why === undefined ? {} : { why: { ...why } };
          return { name: disk, size, sectorSize, scheme, notes: notes.slice(0, NOTES_MAX), ...closed };
        }),
        volumes,
        evidence: evidence.slice(0, EVIDENCE_MAX).map((found) => ({ ...found })),
        ...(more === undefined ? {} : { next: more }),
      });
    }),
};

async function listed(
  volume: VolumeProbe,
  lease: Lease,
  evidence: readonly HibernationEvidence[],
  power: Verdict<unknown>,
  signal: AbortSignal,
): Promise<Listed> {
  const plain = judgeVolume(volume, evidence, { want: 'read', staleOk: false });
  const stale = judgeVolume(volume, evidence, { want: 'read', staleOk: true });
  const write = judgeVolume(volume, evidence, { want: 'write', replay: false });
  const inside = stale.ok ? await lookInside(volume, lease, signal) : {};
  const { fault, used } = inside;
  const { disk, name, type, label, uuid, size, start } = { disk: lease.disk, ...volume };
  return {
    disk,
    name,
    type,
    label,
    uuid,
    start,
    size,
    ...(used === undefined ? {} : { used }),
    read: mayRead(plain, stale, lease.stale, fault),
    write:
      fault !== undefined
        ? no(fault)
        : !power.ok
          ? no(power.refusal)
          : write.ok
            ? { may: 'yes' }
            : no(write.refusal),
    notes: [
      ...volume.notes,
      ...(stale.ok && stale.value.needsReplay ? ['the journal holds changes'] : []),
    ].slice(0, NOTES_MAX),
  };
}

function mayRead(
  plain: Verdict<unknown>,
  stale: Verdict<unknown>,
  hostAsleep: boolean,
  fault: Refusal | undefined,
): May {
  if (fault !== undefined) return no(fault);
  if (!stale.ok) return no(stale.refusal);
  if (!plain.ok) return { may: 'stale', why: { ...plain.refusal } };
  return { may: hostAsleep ? 'stale' : 'yes' };
}

function no(why: Refusal): May {
  return { may: 'no', why: { ...why } };
}

/** What the filesystem says of itself; a fault where it cannot be opened although its signature is right. */
async function lookInside(
  volume: VolumeProbe,
  lease: Lease,
  signal: AbortSignal,
): Promise<{ readonly used?: number; readonly fault?: Refusal }> {
  try {
    const { facts } = await openFileSystem(volumeDevice(lease.device, volume), volume.type, signal);
    return facts.free === undefined ? {} : { used: Math.max(0, facts.size - facts.free) };
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    return { fault: refusal('VOLUME_DAMAGED', `The filesystem cannot be opened: ${error.message}.`) };
  }
}
