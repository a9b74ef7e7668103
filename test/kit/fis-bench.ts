import {
  BlockDrive,
  type BlockDriveOptions,
  FisDevice,
  type FisDeviceOptions,
  FisHost,
  type FisHostOptions,
  millis,
  type SataTarget,
} from '../../src/sata-chain/index.ts';
import { BadSectorDevice } from './bad-sectors.ts';
import { type PipePair, pipePair } from './fis-pipes.ts';
import { TurnScheduler } from './turn-scheduler.ts';

export interface FisBench {
  readonly pipes: PipePair;
  readonly scheduler: TurnScheduler;
  readonly host: FisHost;
  readonly device: FisDevice;
  readonly disk: BadSectorDevice;
  readonly drive: BlockDrive;
}

export interface FisBenchOptions {
  readonly sectors?: number;
  readonly sectorSize?: 512 | 4096;
  readonly drive?: Partial<BlockDriveOptions>;
  readonly capacity?: number;
  readonly largest?: number;
  readonly device?: FisDeviceOptions;
  readonly host?: FisHostOptions;
  readonly wrap?: (drive: SataTarget) => SataTarget;
}

/** A drive in memory behind FISes, with deadlines of a few thousand turns of the event loop. */
export function fisBench(options: FisBenchOptions = {}): FisBench {
  const pipes = pipePair(options);
  const scheduler = new TurnScheduler();
  const disk = new BadSectorDevice('disk', options.sectors ?? 256, options.sectorSize ?? 512);
  const drive = new BlockDrive(disk, { serial: 'A', ...options.drive });
  const device = new FisDevice(pipes.device, options.wrap?.(drive) ?? drive, scheduler, {
    patience: millis(10),
    ...options.device,
  });
  const host = new FisHost(pipes.host, scheduler, {
    deadline: millis(20),
    resetDeadline: millis(5),
    ...options.host,
  });
  return { pipes, scheduler, host, device, disk, drive };
}
