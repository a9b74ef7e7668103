import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { parseSimConfig, SimMachine } from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB } from '../../src/base/index.ts';
import { decodeLockCopy, judgeLock, type LockRecord } from '../../src/bmc/lock-record.ts';
import { type BoardDescription, boardChannels } from '../../src/board/index.ts';
import type { LogSink, PublicKey, VolumeEditor } from '../../src/ports/index.ts';
import type { AgentConfig } from '../../src/programs/agent/config.ts';
import { type Device, startDevice } from '../../src/programs/agent/device.ts';
import { openDeviceKey } from '../../src/programs/agent/parts.ts';
import { makeDisk } from './disk-image.ts';
import { HostileBroker } from './hostile-broker.ts';
import { SharedDisk } from './shared-disk.ts';

const BOARD = new URL('../../boards/sim-host/board.json', import.meta.url);
/** What an agent preallocates; here the files are there already, with holes, and take no room until they are written to. */
const REGIONS = { 'journal-a': 8 * MiB, 'journal-b': 8 * MiB, audit: MiB } as const;
const MEMORY = '/dev/shm';
const STARTED_AT_ONCE = 8;

export interface SimFleetOptions {
  readonly hosts: number;
  /** Of each agent's configuration: who is enrolled, above all. */
  readonly agent: Partial<AgentConfig> & Pick<AgentConfig, 'tenant' | 'keyring'>;
  /** Fills the disk that all hosts begin with. */
  readonly fill: (tree: string) => Promise<void>;
  readonly name?: (index: number) => string;
}

/** What somebody finds who opens a host and asks no agent. */
export interface FoundHost {
  readonly lock: LockRecord['state'];
  /** The power button does not work, or the drive is kept from the host. */
  readonly held: boolean;
  /** Some byte of the disk is another than at the beginning. */
  readonly diskChanged: boolean;
}

/** A sleeping host with a disk of its own, and the whole agent beside it. */
export class SimFleetHost {
  readonly name: string;
  readonly disk: SharedDisk;
  readonly machine: SimMachine;
  readonly state: string;
  /** Events that the agent logged, the latest ones. */
  readonly lines: string[] = [];
  readonly #fleet: SimFleet;
  #device: Device | undefined;
  #publicKey: PublicKey | undefined;

  constructor(fleet: SimFleet, name: string, state: string) {
    this.#fleet = fleet;
    this.name = name;
    this.state = state;
    this.disk = new SharedDisk('disk0', fleet.image);
    this.machine = new SimMachine({
      config: parseSimConfig({ switchDelayMs: 5, bootDelayMs: 5, disks: [{ image: 'disk0' }] }),
      clock: systemClock,
      channels: boardChannels(fleet.board),
      handBackMs: fleet.board.handBackMs,
      openImage: async () => this.disk,
    });
  }

  get client(): string {
    return `ns-${this.name}`;
  }

  get publicKey(): PublicKey {
    if (this.#publicKey === undefined) throw new Error(`${this.name} was not started`);
    return this.#publicKey;
  }

  async boot(): Promise<void> {
    const { machine } = this;
    await mkdir(this.state, { recursive: true });
    for (const [name, size] of Object.entries(REGIONS)) await madeWithHoles(join(this.state, name), size);
    this.#publicKey = (await openDeviceKey(this.state)).publicKey;
    const log: LogSink = {
      log: (level, event) => {
        if (this.lines.push(`${level} ${event}`) > 64) this.lines.shift();
      },
    };
    this.#device = await startDevice('sim-host', this.#fleet.configOf(this), log, {
      openBoard: async () => ({
        description: this.#fleet.board,
        power: machine.host,
        control: machine.host,
        boot: machine.boot,
        switches: machine.drives,
        memory: machine.memory,
        io: machine.io,
        close: async () => undefined,
      }),
      openBus: () => this.#fleet.broker.bus(this.client),
      openEditor: editorWhenNeeded,
    });
  }

  async stop(): Promise<void> {
    await this.#device?.stop();
    this.#device = undefined;
  }

  /** Looked at from outside, without a word of the agent's. */
  async look(): Promise<FoundHost> {
    const copies = await Promise.all(
      ['lock-a', 'lock-b'].map((name) => readFile(join(this.state, name)).catch(() => undefined)),
    );
    const [a, b] = copies.map((bytes) => decodeLockCopy(bytes && new Uint8Array(bytes)));
    return {
      lock: judgeLock(a!, b!).record.state,
      held: (await this.machine.host.powerOnMasked()) || this.machine.drives[0]!.at === 'held',
      diskChanged: this.disk.changed,
    };
  }
}

/**
 * Many agents in one process, each whole, with its own key, journal, audit log, keyring and machine, at a broker that
 * belongs to an attacker. They share the image that their disks begin with, and nothing that decides anything.
 */
export class SimFleet {
  readonly broker = new HostileBroker();
  readonly hosts: readonly SimFleetHost[];
  readonly board: BoardDescription;
  readonly image: Uint8Array;
  readonly #options: SimFleetOptions;
  readonly #dir: string;
  /** What lies in memory would outlive a process that ends early. */
  readonly #onExit = (): void =>
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });

  private constructor(dir: string, board: BoardDescription, image: Uint8Array, options: SimFleetOptions) {
    this.#dir = dir;
    this.board = board;
    this.image = image;
    this.#options = options;
    process.once('exit', this.#onExit);
    const { name = (i) => `host${i + 1}` } = options;
    this.hosts = Array.from({ length: options.hosts }, (_, i) => {
      return new SimFleetHost(this, name(i), join(dir, name(i)));
    });
  }

  static async start(options: SimFleetOptions): Promise<SimFleet> {
    const dir = await mkdtemp(join(await roomyDirectory(options.hosts), 'ns-fleet-'));
    try {
      const { path } = await makeDisk(dir, { fill: options.fill, size: 8 });
      const image = new Uint8Array(await readFile(path));
      await rm(path);
      const board = JSON.parse(await readFile(BOARD, 'utf8')) as BoardDescription;
      const fleet = new SimFleet(dir, board, image, options);
      await fleet.#each((host) => host.boot());
      return fleet;
    } catch (error) {
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  configOf({ name, state }: SimFleetHost): AgentConfig {
    return {
      device: name,
      groups: ['all'],
      broker: { url: 'mqtt://127.0.0.1:1' },
      state,
      base: this.#dir,
      protectedPaths: [],
      heartbeatSeconds: 3600,
      log: 'silent',
      limits: { running: 4, open: 32, stagingMiB: 4 },
      ...this.#options.agent,
    };
  }

  async close(): Promise<void> {
    await this.#each((host) => host.stop());
    await rm(this.#dir, { recursive: true, force: true });
    process.off('exit', this.#onExit);
  }

  /** A few at a time: starting and stopping wait for storage. */
  async #each(work: (host: SimFleetHost) => Promise<void>): Promise<void> {
    const rest = this.hosts.values();
    const worker = async (): Promise<void> => {
      for (const host of rest) await work(host);
    };
    await Promise.all(Array.from({ length: STARTED_AT_ONCE }, worker));
  }
}

/** In memory where there is room for what all agents write, since each flush would wait for the disk. */
async function roomyDirectory(hosts: number): Promise<string> {
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > 64 * MiB + hosts * 0.5 * MiB ? MEMORY : tmpdir();
}

async function madeWithHoles(path: string, size: number): Promise<void> {
  await writeFile(path, '', { flag: 'wx', mode: 0o600 }).then(
    () => truncate(path, size),
    () => undefined,
  );
}

/** The tools are tried out at the first change, not at the start of each of a thousand agents. */
const editorWhenNeeded: typeof openE2fsprogs = async (options) => {
  let opened: Promise<VolumeEditor> | undefined;
  const editor = (): Promise<VolumeEditor> => {
    opened ??= openE2fsprogs(options);
    return opened;
  };
  return {
    capabilities: { types: ['ext4'] },
    edit: async (...args) => (await editor()).edit(...args),
    check: async (...args) => (await editor()).check(...args),
    replay: async (...args) => (await editor()).replay(...args),
  };
};
