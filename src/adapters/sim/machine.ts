import { milliseconds, NsError } from '../../base/index.ts';
import type { BlockDevice, Channel, Clock } from '../../ports/index.ts';
import { openFileDevice } from '../file-device.ts';
import { BadSectors } from './bad-sectors.ts';
import type { SimConfig } from './config.ts';
import { SimDriveSwitch } from './drive-switch.ts';
import { SimHost } from './host.ts';
import { SimIo } from './io.ts';
import { SimMemory } from './memory.ts';
import { PowerCut } from './power-cut.ts';
import { SeededEntropy } from './seeded-entropy.ts';

export interface SimMachineOptions {
  readonly config: SimConfig;
  readonly clock: Clock;
  /** The channels that the board has. */
  readonly channels: readonly Channel[];
  /** The board's hand-back time, where the configuration says nothing else. */
  readonly handBackMs: number;
  /** Called at a power cut: a program ends itself here, as dead as the machine. */
  readonly onPowerCut?: () => void;
  /** Opens a disk's image; as a file by default. */
  readonly openImage?: (disk: SimConfig['disks'][number]) => Promise<BlockDevice>;
}

/** A whole simulated machine: give its parts to whoever wants ports, and turn its knobs from outside. */
export class SimMachine {
  readonly host: SimHost;
  readonly drives: readonly SimDriveSwitch[];
  readonly memory: SimMemory;
  readonly io: SimIo;
  /** Wrap own storage in it too, so that its writes count and it loses power with the disks. */
  readonly power: PowerCut;
  readonly entropy: SeededEntropy;
  /** By disk; the set is shared with the disk once it is open. */
  readonly #badSectors: ReadonlyMap<string, Set<number>>;

  constructor(options: SimMachineOptions) {
    const { config, clock } = options;
    this.entropy = new SeededEntropy(config.seed);
    this.#badSectors = new Map(config.disks.map((disk) => [disk.name, new Set(disk.badSectors)]));
    this.host = new SimHost({
      clock,
      state: config.state,
      interlock: config.interlock,
      bootDelay: milliseconds(config.bootDelayMs),
    });
    this.power = new PowerCut({
      entropy: this.entropy,
      volatileCache: config.volatileCache,
      ...(options.onPowerCut ? { onCut: options.onPowerCut } : {}),
    });
    this.power.cutAtWrite(config.cutAtWrite);
    const openImage = options.openImage ?? openAsFile;
    this.drives = config.disks.map(
      (disk) =>
        new SimDriveSwitch({
          disk: disk.name,
          clock,
          open: async () => this.#powered(disk, await openImage(disk)),
          delay: milliseconds(config.switchDelayMs),
          handBack: milliseconds(config.handBackMs ?? options.handBackMs),
          hold: config.hold,
          ownPower: config.ownPower,
        }),
    );
    this.memory = new SimMemory({ dimms: config.dimms, dramIn: config.dramIn, spdIn: config.spdIn });
    this.io = new SimIo(clock, options.channels, config.uartLog);
  }

  /** A sector goes bad while the machine runs. */
  addBadSector(disk: string, sector: number): void {
    const bad = this.#badSectors.get(disk);
    if (!bad) throw new NsError('NS_CONFIG_INVALID', `there is no ${disk}`, { family: 'caller' });
    bad.add(sector);
  }

  drive(disk: string): SimDriveSwitch | undefined {
    return this.drives.find((drive) => drive.disk === disk);
  }

  /** Closes the disk images. */
  async close(): Promise<void> {
    for (const drive of this.drives) await drive.close();
  }

  #powered(disk: SimConfig['disks'][number], image: BlockDevice): BlockDevice {
    return this.power.wrap(new BadSectors(image, this.#badSectors.get(disk.name) ?? new Set()));
  }
}

function openAsFile(disk: SimConfig['disks'][number]): Promise<BlockDevice> {
  return openFileDevice(disk.image, { name: disk.name, writable: true, sectorSize: disk.sectorSize });
}
