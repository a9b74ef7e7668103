import { orAborted, seconds } from '../base/index.ts';
import type { BootGuard, Clock, HostPower } from '../ports/index.ts';
import type { Custody } from './custody.ts';
import type { DriveLocks } from './drive-lock/drive-locks.ts';
import type { LockFacts } from './lock-levels.ts';

export interface LockSenses {
  readonly power: HostPower;
  readonly custody: Pick<Custody, 'drives' | 'report'>;
  readonly clock: Clock;
  /** Absent where the board has no BMC of its own that can be told. */
  readonly boot?: BootGuard;
  /** The board can drive its host's power: see LockGuard. */
  readonly canSwitchOff?: boolean;
  /** Names of disks that are chains. */
  readonly chains?: readonly string[];
  /** The drives' own locks, where the configuration wants them, or wanted them once. */
  readonly driveLocks?: DriveLocks;
}

const ONE_LOOK = seconds(5);

/** Reads back from the board what of the lock holds. Never rejects: what does not answer is unknown. */
export async function readLockFacts(senses: LockSenses): Promise<LockFacts> {
  const { power, custody, boot, chains = [] } = senses;
  const { driveLocks } = senses;
  const own = (disk: string) =>
    driveLocks?.arms ? driveLocks.fact(disk).then((fact) => ({ own: fact })) : Promise.resolve({});
  const [masked, running, guarded, disks, owns] = await Promise.all([
    look(senses.clock, 'the power mask', (signal) => power.powerOnMasked(signal)),
    readHostRuns(senses),
    boot === undefined
      ? ('cannot' as const)
      : look(senses.clock, 'the boot guard', (signal) => boot.guarded(signal)),
    custody.report(),
    Promise.all(custody.drives.map(async ({ disk }) => [disk, await own(disk)] as const)),
  ]);
  const ownOf = new Map(owns);
  const canHold = new Map(custody.drives.map((drive) => [drive.disk, drive.capabilities.hold]));
  return {
    canMask: power.capabilities.buttonMask,
    masked,
    canSwitchOff: senses.canSwitchOff === true,
    hostRuns: running,
    boot: guarded,
    disks: disks.map(({ name, position }) => ({
      name,
      position,
      canHold: canHold.get(name) === true,
      chain: chains.includes(name),
      ...ownOf.get(name),
    })),
  };
}

/** Whether the host runs, or sleeps with its drives in use. */
export function readHostRuns({
  power,
  clock,
}: Pick<LockSenses, 'power' | 'clock'>): Promise<boolean | 'unknown'> {
  return look(clock, "the host's power", async (signal) => {
    const { state, certain } = await power.read(signal);
    return certain ? state === 'S0' || state === 'S3' : ('unknown' as const);
  });
}

async function look<T>(
  clock: Clock,
  what: string,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T | 'unknown'> {
  const deadline = clock.deadline(ONE_LOOK, what);
  try {
    return await orAborted(ask(deadline.signal), deadline.signal);
  } catch {
    return 'unknown';
  } finally {
    deadline.release();
  }
}
