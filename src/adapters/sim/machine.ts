import { milliseconds, NsError } from '../../base/index.ts';
import type { BlockDevice, Channel, Clock, LogSink, StateStore } from '../../ports/index.ts';
import { systemEntropy } from '../entropy.ts';
import { openFileDevice } from '../file-device.ts';
import { systemScheduler } from '../system-scheduler.ts';
import { BadSectors } from './bad-sectors.ts';
import { SimBootGuard } from './boot-guard.ts';
import type { SimChainDisk, SimChainDiskOptions } from './chain-disk.ts';
import type { SimConfig } from './config.ts';
import { SimDriveBay, SimDriveLock } from './drive-bay.ts';
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
  /** Opens the image of a disk, or of a member of a chain; as a file by default. */
  readonly openImage?: (image: SimImage) => Promise<BlockDevice>;
  /** Where the drives' own locks keep what outlives a loss of power; without it that passes with the process. */
  readonly driveState?: StateStore;
  /** Where the units of chains keep what outlives a loss of power; without it that passes with the process. */
  readonly chainState?: StateStore;
  /** Makes a disk that is a chain: given by whoever has one, so that the chain's code is loaded by nobody else. */
  readonly chainDisk?: (options: SimChainDiskOptions) => SimChainDisk;
  readonly log?: LogSink;
}

/** A drive of the machine: a disk by itself, or a member of a chain. */
export interface SimImage {
  /** "disk0", "disk0.2". */
  readonly name: string;
  readonly image: string;
  readonly sectorSize: 512 | 4096;
}

/** A whole simulated machine: give its parts to whoever wants ports, and turn its knobs from outside. */
export class SimMachine {
  readonly host: SimHost;
  /** The board's own BMC, as far as it decides what the host does by itself. */
  readonly boot: SimBootGuard;
  readonly drives: readonly (SimDriveSwitch | SimChainDisk)[];
  /** The own lock of each disk that is a drive by itself. */
  readonly bays: readonly SimDriveBay[];
  readonly memory: SimMemory;
  readonly io: SimIo;
  /** Wrap own storage in it too, so that its writes count and it loses power with the disks. */
  readonly power: PowerCut;
  readonly entropy: SeededEntropy;
  readonly #options: SimMachineOptions;
  /** By drive; the set is shared with the drive once it is open. */
  readonly #badSectors = new Map<string, Set<number>>();

  constructor(options: SimMachineOptions) {
    const { config, clock } = options;
    this.entropy = new SeededEntropy(config.seed);
    this.#options = options;
    this.host = new SimHost({
      clock,
      state: config.state,
      interlock: config.interlock,
      bootDelay: milliseconds(config.bootDelayMs),
    });
    this.boot = new SimBootGuard(this.host, config.restorePolicy);
    this.power = new PowerCut({
      entropy: this.entropy,
      volatileCache: config.volatileCache,
      ...(options.onPowerCut ? { onCut: options.onPowerCut } : {}),
    });
    this.power.cutAtWrite(config.cutAtWrite);
    this.bays = config.disks
      .filter(({ members }) => members === undefined)
      .map(
        ({ name, serial, security }) =>
          new SimDriveBay(name, new SimDriveLock(serial ?? `SIM-${name}`, security), options.driveState),
      );
    this.drives = config.disks.map((disk) => this.#driveOf(disk));
    this.memory = new SimMemory({ dimms: config.dimms, dramIn: config.dramIn, spdIn: config.spdIn });
    this.io = new SimIo(clock, options.channels, config.uartLog);
  }

  /** A sector goes bad while the machine runs. */
  addBadSector(disk: string, sector: number): void {
    const bad = this.#badSectors.get(disk);
    if (!bad) throw new NsError('NS_CONFIG_INVALID', `there is no ${disk}`, { family: 'caller' });
    bad.add(sector);
  }

  /** Switches drives and the units of chains on. */
  async start(): Promise<void> {
    for (const bay of this.bays) await bay.load();
    for (const disk of this.chains) {
      await disk.open();
      disk.hostPower(this.host.state === 'S0');
    }
    this.host.onChange(({ state }) => {
      for (const disk of this.chains) disk.hostPower(state === 'S0');
    });
  }

  get chains(): readonly SimChainDisk[] {
    return this.drives.filter((drive): drive is SimChainDisk => 'control' in drive);
  }

  bay(disk: string): SimDriveBay | undefined {
    return this.bays.find((bay) => bay.disk === disk);
  }

  drive(disk: string): SimDriveSwitch | SimChainDisk | undefined {
    return this.drives.find((drive) => drive.disk === disk);
  }

  /** Closes the disk images. */
  async close(): Promise<void> {
    for (const drive of this.drives) await drive.close();
  }

  #driveOf(disk: SimConfig['disks'][number]): SimDriveSwitch | SimChainDisk {
    const { config, clock, handBackMs, chainState, chainDisk, log } = this.#options;
    const { name, image, members, layout, sectorSize, badSectors } = disk;
    const handBack = milliseconds(config.handBackMs ?? handBackMs);
    if (members === undefined) {
      const open = this.#opener({ name, image: image ?? '', sectorSize }, badSectors);
      return new SimDriveSwitch({
        disk: name,
        clock,
        open: async () => this.bay(name)!.guard(await open()),
        delay: milliseconds(config.switchDelayMs),
        handBack,
        hold: config.hold,
        ownPower: config.ownPower,
      });
    }
    const openers = new Map(
      members.map((member, place) => [
        member.image,
        this.#opener(
          { name: `${name}.${place}`, image: member.image, sectorSize: member.sectorSize },
          member.badSectors,
        ),
      ]),
    );
    if (chainDisk === undefined)
      throw new NsError('NS_CONFIG_INVALID', `${name} has members, and nothing to chain them with`);
    return chainDisk({
      disk: name,
      members,
      ...(layout === undefined ? {} : { layout }),
      open: (member) => openers.get(member.image)!(),
      scheduler: systemScheduler(),
      clock,
      entropy: systemEntropy,
      log: log ?? { log: () => undefined },
      ...(chainState === undefined ? {} : { state: chainState }),
      handBack,
      ownPower: config.ownPower,
    });
  }

  #opener(image: SimImage, badSectors: readonly number[]): () => Promise<BlockDevice> {
    const bad = new Set(badSectors);
    this.#badSectors.set(image.name, bad);
    const open = this.#options.openImage ?? openAsFile;
    return async () => this.power.wrap(new BadSectors(await open(image), bad));
  }
}

function openAsFile({ image, name, sectorSize }: SimImage): Promise<BlockDevice> {
  return openFileDevice(image, { name, writable: true, sectorSize, medium: true });
}
