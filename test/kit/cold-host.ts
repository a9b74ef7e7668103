import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { uartConsole } from '../../src/adapters/host-console/uart-console.ts';
import { SimChainDisk } from '../../src/adapters/sim/chain-disk.ts';
import { parseSimConfig, type SimConfigInput, SimMachine } from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { type BoardDescription, boardChannels } from '../../src/board/index.ts';
import type { BlockDevice, Clock, HostMedia, LogSink, MessageBus } from '../../src/ports/index.ts';
import type { AgentConfig } from '../../src/programs/agent/config.ts';
import type { BmcConfig } from '../../src/programs/agent/config-ipmi.ts';
import { AgentDesk } from './agent-desk.ts';
import { DiskImage, type DiskMaking, makeDisk } from './disk-image.ts';
import { scratch } from './disk-tools.ts';
import { joinImage, memberPaths, splitImage } from './member-images.ts';

const BOARD = new URL('../../boards/sim-host/board.json', import.meta.url);

export interface ColdHostOptions extends DiskMaking {
  readonly sim?: Partial<Omit<SimConfigInput, 'disks'>>;
  readonly protectedPaths?: readonly string[];
  readonly limits?: Partial<AgentConfig['limits']>;
  /** The disk is a chain: bytes of each member but the last, which has the rest. */
  readonly members?: readonly number[];
  /** A disk image that is there already, instead of one that is made. */
  readonly image?: string;
  /** Of the agent's configuration, instead of what the desk would take. */
  readonly agent?: Partial<AgentConfig>;
  /** The agent's; the operating system's where absent. */
  readonly clock?: Clock;
  /** What its board has beside what sim-host has. */
  readonly board?: Partial<BoardDescription>;
  /** By which the board shows its host a disk. */
  readonly media?: HostMedia;
  /** The BMC side; off where it is not here. */
  readonly ipmi?: BmcConfig;
  /** The agent's bus, where it is not the broker's. */
  readonly openBus?: (log: LogSink) => MessageBus;
}

/** A sleeping host with a real disk image, the whole agent beside it, and an operator, over a broker in memory. */
export class ColdHost extends AgentDesk {
  readonly disk: DiskImage;
  readonly machine: SimMachine;
  readonly dir: string;
  /** Writes to the drive so far. */
  writes = 0;
  /** Called just before each of them, which waits for it: a slow drive. */
  onWrite: ((n: number) => Promise<void> | undefined) | undefined;
  /** Called with each read from the drive's medium, whose bytes it may change: a drive that lies. */
  onMediumRead: ((into: Uint8Array, offset: number) => Promise<void> | void) | undefined;
  readonly #options: ColdHostOptions;
  readonly #description: BoardDescription;
  readonly #remove: () => Promise<void>;

  private constructor(
    dir: string,
    remove: () => Promise<void>,
    description: BoardDescription,
    disk: DiskImage,
    options: ColdHostOptions,
  ) {
    super(join(dir, 'state'));
    this.dir = dir;
    this.#remove = remove;
    this.#description = description;
    this.disk = disk;
    this.#options = options;
    if (options.clock !== undefined) this.clock = options.clock;
    this.machine = new SimMachine({
      chainDisk: (options) => new SimChainDisk(options),
      config: parseSimConfig({
        switchDelayMs: 5,
        bootDelayMs: 5,
        dimms: [{ slot: 'A1', size: 4096 }],
        ...options.sim,
        disks: [
          options.members === undefined
            ? { image: disk.path }
            : { members: memberPaths(disk.path, options.members.length + 1).map((image) => ({ image })) },
        ],
      }),
      clock: systemClock,
      channels: boardChannels(description),
      handBackMs: description.handBackMs,
      openImage: async ({ image, name }) =>
        this.#watched(await openFileDevice(image, { name, writable: true, medium: true })),
    });
  }

  /** The drive, with whoever wants to act at one of its writes. */
  #watched(device: BlockDevice): BlockDevice {
    return {
      name: device.name,
      capabilities: device.capabilities,
      read: (offset, into, signal) => device.read(offset, into, signal),
      readMedium: async (offset, into, signal) => {
        await device.readMedium?.(offset, into, signal);
        await this.onMediumRead?.(into, offset);
      },
      write: async (offset, data, signal) => {
        this.writes += 1;
        const wait = this.onWrite?.(this.writes);
        if (wait !== undefined) await wait;
        return device.write(offset, data, signal);
      },
      flush: (signal) => device.flush(signal),
      trim: (offset, length, signal) => device.trim(offset, length, signal),
      close: () => device.close(),
    };
  }

  static async start(options: ColdHostOptions): Promise<ColdHost> {
    const { dir, remove } = await scratch();
    const description = {
      ...(JSON.parse(await readFile(BOARD, 'utf8')) as BoardDescription),
      ...options.board,
    };
    const disk =
      options.image === undefined ? await makeDisk(dir, options) : new DiskImage(options.image, []);
    if (options.members !== undefined) await splitImage(disk.path, options.members);
    const host = new ColdHost(dir, remove, description, disk, options);
    await host.machine.start();
    await host.boot();
    return host;
  }

  /** The members of a chain put together in the disk's image, for whoever looks at it. */
  async rejoin(): Promise<DiskImage> {
    const count = (this.#options.members?.length ?? 0) + 1;
    await joinImage(this.disk.path, count);
    return this.disk;
  }

  /** Starts the agent on the state directory that is there. */
  async boot(change: Partial<AgentConfig> = {}): Promise<void> {
    const { machine } = this;
    const description = this.#description;
    await this.bootAgent(
      {
        base: this.dir,
        ...(this.#options.ipmi === undefined ? {} : { ipmi: this.#options.ipmi }),
        protectedPaths: [...(this.#options.protectedPaths ?? [])],
        limits: { running: 4, open: 32, stagingMiB: 256, ...this.#options.limits },
        ...this.#options.agent,
        ...change,
      },
      // The machine outlives its agent.
      async () => ({
        description,
        power: machine.host,
        control: machine.host,
        boot: machine.boot,
        console: uartConsole(machine.io, 'console'),
        switches: machine.drives,
        security: machine.bays,
        memory: machine.memory,
        io: machine.io,
        ...(this.#options.media === undefined ? {} : { media: this.#options.media }),
        chains: machine.chains.map(({ control }) => control),
        close: async () => undefined,
      }),
      this.#options.openBus,
    );
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.boot();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.machine.close();
    await this.#remove();
  }
}
