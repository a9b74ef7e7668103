import { systemEntropy } from '../../adapters/entropy.ts';
import { DriveLocks, DriveNotebook } from '../../bmc/index.ts';
import type { Clock, DriveSecurity, LogSink, StateStore } from '../../ports/index.ts';

export interface DeviceDriveLocks {
  readonly drives: readonly DriveSecurity[];
  readonly arms: boolean;
  readonly store: StateStore;
  readonly witness: StateStore | undefined;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** The drives' own locks of this device; its secret is durable on return. */
export async function openDriveLocks(options: DeviceDriveLocks): Promise<DriveLocks> {
  const { drives, arms, store, witness, clock, log } = options;
  const notebook = await DriveNotebook.open({
    store,
    entropy: systemEntropy,
    log,
    ...(witness === undefined ? {} : { witness }),
  });
  return new DriveLocks({ drives, notebook, arms, clock, log });
}
