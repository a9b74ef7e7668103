import { allow, hours, minutes, NsError, refuse, toHex, type Verdict } from '../../base/index.ts';
import type { Lease } from '../../bmc/index.ts';
import type { BlockDevice, FileSystem } from '../../ports/index.ts';
import type { VolumeNote } from '../../protocol/index.ts';
import {
  type DiskProbe,
  type DiskToProbe,
  JOURNAL_NOT_REPLAYED,
  judgeVolume,
  openFileSystem,
  probeDisks,
  recoverRedoLogs,
  replayedView,
  resolveVolume,
  type Volume,
  volumeDevice,
} from '../../storage/index.ts';
import type { TaskServices } from '../services.ts';
import type { EffectFacts, EffectFate, TaskContext } from '../task.ts';
import { considerate } from './give-way.ts';
import { checkGrant, type PlaceWish } from './within-grant.ts';

/** What an order says of the volume that it is about. */
export interface VolumeWish extends PlaceWish {
  readonly volume?: string | undefined;
  readonly staleOk?: boolean | undefined;
  readonly replay?: boolean | undefined;
}

export interface VolumeTarget {
  readonly disk: string;
  readonly name: string;
  readonly type: string;
  /** Bytes from the start of the disk. */
  readonly start: number;
}

/** A volume in hand: leased, judged, open. Good until the use of it returns. */
export interface VolumeAccess {
  readonly target: VolumeTarget;
  readonly lease: Lease;
  /** The volume itself, bounded. */
  readonly device: BlockDevice;
  /** What is on it; with its journal replayed on a copy where it was dirty. */
  readonly fs: FileSystem;
  readonly note: VolumeNote;
  /** Aborts with the task or with the lease. */
  readonly signal: AbortSignal;
  /** When the volume was last written, whole seconds: a time for changes that bring none. */
  readonly lastChange: number;
}

/** One claim for all disks of the host: what one disk holds decides whether another may be written. */
export const DISKS = 'host disks';
const READ_LEASE = hours(24);
/** Also the longest that a change may say nothing: its tools are at work for minutes on a large volume. */
export const WRITE_LEASE = hours(2);
const INSPECTION = minutes(2);

/**
 * Takes the host's disks, judges the volume that the order means, and lends it to `use`. Refusals of power, custody,
 * gate and resolution come back as they are. The disks go back whatever happens.
 */
export function withVolume<T>(
  context: TaskContext,
  wish: VolumeWish,
  want: 'read' | 'write',
  use: (access: VolumeAccess) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  const asked = { want, staleOk: wish.staleOk === true };
  return withDisks(context, asked, async (leases, signal) => {
    const settled = want === 'write' ? await finishEarlierChange(context.services, leases) : allow(undefined);
    if (!settled.ok) return settled;
    const { services, id } = context;
    const found = await findVolume(services, leases, wish, want, signal, async (probes, volume) => {
      await services.staged?.met(probes);
      return services.staged?.sameVolume(id, volume) ?? allow(undefined);
    });
    if (!found.ok) return found;
    return await open(context, found.value, leases, signal, async (access) => {
      const granted = await checkGrant(context, access.fs, wish, signal);
      return granted.ok ? use(access) : granted;
    });
  });
}

/** Takes all disks of the host, by name, and lends them to `use`. They go back whatever happens. */
export async function withDisks<T>(
  context: TaskContext,
  { want, staleOk }: { readonly want: 'read' | 'write'; readonly staleOk: boolean },
  use: (leases: ReadonlyMap<string, Lease>, signal: AbortSignal) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  const releaseClaim = await context.claim(DISKS, want);
  const leases = new Map<string, Lease>();
  try {
    const leased = await leaseAll(context, want, staleOk, leases);
    if (!leased.ok) return leased;
    const signal = AbortSignal.any([context.signal, ...[...leases.values()].map((lease) => lease.signal)]);
    return await use(leases, signal);
  } finally {
    await Promise.all([...leases.values()].map((lease) => lease.release()));
    releaseClaim();
  }
}

async function leaseAll(
  context: TaskContext,
  mode: 'read' | 'write',
  staleOk: boolean,
  leases: Map<string, Lease>,
): Promise<Verdict<void>> {
  const { custody } = context.services;
  if (custody.disks.length === 0)
    return refuse('NO_SUCH_DISK', 'This host has no disk that the board can reach.');
  for (const disk of custody.disks) {
    const lease = await custody.lease({
      disk,
      mode,
      holder: `task ${toHex(context.id).slice(0, 8)}`,
      duration: mode === 'write' ? WRITE_LEASE : READ_LEASE,
      staleOk,
      signal: context.signal,
    });
    if (!lease.ok) return lease;
    leases.set(disk, lease.value);
  }
  return allow(undefined);
}

/** A change that was committed and cut off before its end is brought to it first, or nothing is written. */
async function finishEarlierChange(
  { store, log }: TaskServices,
  leases: ReadonlyMap<string, Lease>,
): Promise<Verdict<void>> {
  const recoveries = await recoverRedoLogs(store, (disk) => Promise.resolve(leases.get(disk)));
  for (const recovery of recoveries) {
    if (recovery.is === 'clean') continue;
    log.log('warn', `redo.${recovery.is}`, { disk: recovery.disk, volume: recovery.volume });
    if (recovery.is === 'kept') {
      return refuse(
        'CHANGE_PENDING',
        `An earlier change to ${recovery.volume} could not be finished: ${recovery.reason}.`,
      );
    }
  }
  return allow(undefined);
}

/** The leased disks, and why nothing of one can be looked at where its own lock closes it. */
export async function disksOf(
  services: TaskServices,
  leases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<readonly DiskToProbe[]> {
  if (services.drives === undefined) return [...leases].map(([disk, { device }]) => ({ disk, device }));
  return (await import('./drive-locks.ts')).disksToProbe(services, leases, signal);
}

interface Found {
  readonly volume: Volume;
  readonly stale: boolean;
  readonly needsReplay: boolean;
  readonly notes: readonly string[];
}

async function findVolume(
  services: TaskServices,
  leases: ReadonlyMap<string, Lease>,
  wish: VolumeWish,
  want: 'read' | 'write',
  signal: AbortSignal,
  meet?: (probes: readonly DiskProbe[], volume: Volume) => Promise<Verdict<void>>,
): Promise<Verdict<Found>> {
  const probes = await probeDisks(await disksOf(services, leases, signal), signal);
  const volume = resolveVolume(probes, wish.volume);
  if (!volume.ok) return volume;
  const met = await meet?.(probes, volume.value);
  if (met?.ok === false) return met;
  const { probe, hibernation } = volume.value;
  const permit = judgeVolume(
    probe,
    hibernation,
    want === 'read' ? { want, staleOk: wish.staleOk === true } : { want, replay: wish.replay === true },
  );
  services.measures?.take({ of: 'gate', want, ...(permit.ok ? {} : { code: permit.refusal.code }) });
  return permit.ok ? allow({ volume: volume.value, ...permit.value }) : permit;
}

async function open<T>(
  context: TaskContext,
  { volume, stale, needsReplay, notes }: Found,
  leases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
  use: (access: VolumeAccess) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  const { probe, disk } = volume;
  const lease = leases.get(disk);
  if (lease === undefined) return refuse('NO_SUCH_DISK');
  const device = volumeDevice(lease.device, probe);
  const { editor } = context.services;
  const replay = needsReplay && editor.capabilities.types.includes(probe.type);
  const view = replay ? await replayedView(device, probe.type, editor, signal) : undefined;
  if (view?.ok === false) return view;
  const unreplayed = needsReplay && view === undefined;
  try {
    const there = await openFileSystem(view?.value.device ?? device, probe.type, signal);
    const fs = considerate(there, context.services.clock);
    return await use({
      target: { disk, name: probe.name, type: probe.type, start: probe.start },
      lease,
      device,
      fs,
      note: {
        name: probe.name,
        type: probe.type,
        label: probe.label,
        uuid: probe.uuid,
        stale: stale || lease.stale || unreplayed,
        notes: [
          ...notes,
          ...(unreplayed ? [JOURNAL_NOT_REPLAYED] : []),
          ...(view === undefined ? [] : ['the journal was replayed on a copy']),
        ],
      },
      signal,
      lastChange: fs.facts.lastWrite,
    });
  } finally {
    await view?.value.close();
  }
}

/** What an intent says of the volume, so that a later start can name it. */
export function volumeFacts({ note }: VolumeAccess): EffectFacts {
  return { volume: note.name, type: note.type, label: note.label, uuid: note.uuid };
}

/** The volume as an intent recorded it, for an answer given after a restart. */
export function recordedVolume({ volume, type, label, uuid }: EffectFacts): VolumeNote {
  if (
    typeof volume !== 'string' ||
    typeof type !== 'string' ||
    typeof label !== 'string' ||
    typeof uuid !== 'string'
  ) {
    throw new NsError('NS_JOURNAL_DAMAGED', 'an intent does not say which volume it is about', {
      family: 'peer',
    });
  }
  return {
    name: volume,
    type,
    label,
    uuid,
    stale: false,
    notes: ['The change was found done by looking at the disk.'],
  };
}

/**
 * Looks at a volume after the fact, to tell whether an effect is there. `unknown` wherever it cannot be looked at, or
 * where an earlier change is still to be finished.
 */
export async function inspectVolume(
  services: TaskServices,
  facts: EffectFacts,
  signal: AbortSignal,
  look: (fs: FileSystem) => Promise<EffectFate>,
): Promise<EffectFate> {
  const { name, uuid } = recordedVolume(facts);
  const leases = new Map<string, Lease>();
  try {
    for (const disk of services.custody.disks) {
      const lease = await services.custody.lease({
        disk,
        mode: 'write',
        holder: 'restart',
        duration: INSPECTION,
        signal,
      });
      if (!lease.ok) return 'unknown';
      leases.set(disk, lease.value);
    }
    if (!(await finishEarlierChange(services, leases)).ok) return 'unknown';
    const found = await findVolume(services, leases, { volume: name }, 'write', signal);
    const lease = found.ok ? leases.get(found.value.volume.disk) : undefined;
    if (!found.ok || lease === undefined || found.value.volume.probe.uuid !== uuid) return 'unknown';
    const { probe } = found.value.volume;
    const fs = await openFileSystem(volumeDevice(lease.device, probe), probe.type, signal);
    return await look(considerate(fs, services.clock));
  } finally {
    await Promise.all([...leases.values()].map((lease) => lease.release()));
  }
}
