import { NsError, seconds } from '../../base/index.ts';
import type { Lease } from '../../bmc/index.ts';
import type { DriveSecurity } from '../../ports/index.ts';
import { type DiskToProbe, decodeDiscovery, judgeDrive } from '../../storage/index.ts';
import type { TaskServices } from '../services.ts';

/** A drive may have to spin up before it answers. */
const ONE_DRIVE = seconds(12);

type Services = Pick<TaskServices, 'clock' | 'drives' | 'driveLocks' | 'log'>;

/** The leased disks, with why nothing of one can be looked at, where its own drive says so. */
export function disksToProbe(
  services: Services,
  leases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<DiskToProbe[]> {
  return Promise.all(
    [...leases].map(async ([disk, { device }]) => {
      const drive = services.drives?.find((one) => one.disk === disk);
      const refusal = drive && (await lockOf(services, drive, signal));
      return { disk, device, ...(refusal === undefined ? {} : { refusal }) };
    }),
  );
}

async function lockOf({ clock, driveLocks, log }: Services, drive: DriveSecurity, signal: AbortSignal) {
  const { disk } = drive;
  const deadline = clock.deadline(ONE_DRIVE, `the own lock of ${disk}`);
  try {
    const both = AbortSignal.any([signal, deadline.signal]);
    const ata = await drive.read(both);
    const answer = await drive.discover?.(both);
    const opal = answer && decodeDiscovery(answer);
    const ours = ata?.locked === true && (await driveLocks?.fact(disk)) === 'locked';
    return judgeDrive(disk, { ours, ...(ata ? { ata } : {}), ...(opal ? { opal } : {}) });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NsError)) throw error;
    // What a drive does not tell is found out by reading it.
    log.log('warn', 'drive-lock.not-told', { disk, error: error.message });
    return undefined;
  } finally {
    deadline.release();
  }
}
