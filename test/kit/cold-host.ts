import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { SimChainDisk } from '../../src/adapters/sim/chain-disk.ts';
import { parseSimConfig, type SimConfigInput, SimMachine } from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { AgentConfig } from '../../src/agent-config.ts';
import { type BoardDescription, boardChannels } from '../../src/bmc/index.ts';
import { type Device, startDevice } from '../../src/device.ts';
import { openDeviceKey } from '../../src/device-parts.ts';
import { Fleet, type GetOutcome, type PutOutcome } from '../../src/fleet/index.ts';
import type { BlockDevice, KeyStore, LogSink, MessageBus } from '../../src/ports/index.ts';
import {
  type ArgsOf,
  type DeviceEvent,
  deviceTopics,
  type Order,
  type Verb,
} from '../../src/protocol/index.ts';
import { openEvent, signOrder } from '../../src/security/index.ts';
import { type DiskImage, type DiskMaking, makeDisk } from './disk-image.ts';
import { scratch } from './disk-tools.ts';
import { type Ended, endOf, type GetOptions, type GiveOptions, type Got, type PutOptions } from './ended.ts';
import { FakeBroker, type FakeBus } from './fake-bus.ts';
import { MemorySink, memorySource } from './fleet-bench.ts';
import { testKey, testKeyring } from './keys.ts';
import { joinImage, memberPaths, splitImage } from './member-images.ts';

const TENANT = 'acme';
const DEVICE = 'host1';
const BOARD = new URL('../../boards/sim-host/board.json', import.meta.url);

export interface ColdHostOptions extends DiskMaking {
  readonly sim?: Partial<Omit<SimConfigInput, 'disks'>>;
  readonly protectedPaths?: readonly string[];
  readonly limits?: Partial<AgentConfig['limits']>;
  /** The disk is a chain: bytes of each member but the last, which has the rest. */
  readonly members?: readonly number[];
  /** The agent's bus, where it is not the broker's. */
  readonly openBus?: (log: LogSink) => MessageBus;
}

let counter = 0;

/** A sleeping host with a real disk image, the whole agent beside it, and an operator, over a broker in memory. */
export class ColdHost {
  readonly broker = new FakeBroker();
  readonly operator = testKey();
  readonly officer = testKey();
  readonly officer2 = testKey();
  readonly disk: DiskImage;
  readonly machine: SimMachine;
  readonly dir: string;
  readonly lines: string[] = [];
  /** Writes to the drive so far. */
  writes = 0;
  /** Called just before each of them, which waits for it: a slow drive. */
  onWrite: ((n: number) => Promise<void> | undefined) | undefined;
  readonly #options: ColdHostOptions;
  readonly #description: BoardDescription;
  readonly #remove: () => Promise<void>;
  #bus: FakeBus | undefined;
  #device: Device | undefined;
  #deviceKey: KeyStore | undefined;
  #fleets = 0;

  private constructor(
    dir: string,
    remove: () => Promise<void>,
    description: BoardDescription,
    disk: DiskImage,
    options: ColdHostOptions,
  ) {
    this.dir = dir;
    this.#remove = remove;
    this.#description = description;
    this.disk = disk;
    this.#options = options;
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
        this.#watched(await openFileDevice(image, { name, writable: true })),
    });
  }

  /** The drive, with whoever wants to act at one of its writes. */
  #watched(device: BlockDevice): BlockDevice {
    return {
      name: device.name,
      capabilities: device.capabilities,
      read: (offset, into, signal) => device.read(offset, into, signal),
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
    const description = JSON.parse(await readFile(BOARD, 'utf8')) as BoardDescription;
    const disk = await makeDisk(dir, options);
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

  get device(): KeyStore {
    if (this.#deviceKey === undefined) throw new Error('not started');
    return this.#deviceKey;
  }

  /** The agent's connection. */
  get bus(): FakeBus {
    if (this.#bus === undefined) throw new Error('not started');
    return this.#bus;
  }

  get state(): string {
    return join(this.dir, 'state');
  }

  /** Starts the agent on the state directory that is there. */
  async boot(): Promise<void> {
    this.#deviceKey = await openDeviceKey(this.state);
    const { machine } = this;
    const description = this.#description;
    const config: AgentConfig = {
      device: DEVICE,
      tenant: TENANT,
      groups: ['rack1'],
      broker: { url: 'mqtt://127.0.0.1:1' },
      state: this.state,
      base: this.dir,
      keyring: testKeyring({
        olga: [this.operator, 'operator'],
        sam: [this.officer, 'security'],
        tess: [this.officer2, 'security'],
      }),
      protectedPaths: [...(this.#options.protectedPaths ?? [])],
      heartbeatSeconds: 60,
      log: 'silent',
      limits: { running: 4, open: 32, stagingMiB: 256, ...this.#options.limits },
    };
    const log = { log: (level: string, event: string) => void this.lines.push(`${level} ${event}`) };
    this.#device = await startDevice('sim-host', config, log, {
      // The machine outlives its agent.
      openBoard: async () => ({
        description,
        power: machine.host,
        switches: machine.drives,
        memory: machine.memory,
        io: machine.io,
        chains: machine.chains.map(({ control }) => control),
        close: async () => undefined,
      }),
      openBus: () => {
        if (this.#options.openBus !== undefined) return this.#options.openBus(log);
        this.#bus = this.broker.bus(`ns-${DEVICE}`);
        return this.#bus;
      },
    });
  }

  async stop(): Promise<void> {
    await this.#device?.stop();
    this.#device = undefined;
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

  /** A program of the operator's, or of somebody else's. */
  async fleet(key: KeyStore = this.operator): Promise<Fleet> {
    this.#fleets += 1;
    const fleet = new Fleet({
      bus: this.broker.bus(`operator-${this.#fleets}`),
      tenant: TENANT,
      key,
      counter: { next: async () => ++counter },
      devices: new Map([[DEVICE, this.device.publicKey]]),
      clock: systemClock,
      entropy: systemEntropy,
    });
    await fleet.connect();
    return fleet;
  }

  /** Gives an order and waits for its end. */
  async give<V extends Verb>(verb: V, args: ArgsOf<V>, options: GiveOptions = {}): Promise<Ended<V>> {
    const fleet = await this.fleet(options.key);
    try {
      const order = await fleet.order(DEVICE, verb, args, {
        signal: new AbortController().signal,
        ...(options.effect === undefined ? {} : { effect: options.effect }),
      });
      return endOf(await order.outcome);
    } finally {
      await fleet.close();
    }
  }

  async put(path: string, content: Uint8Array, options: PutOptions = {}): Promise<Ended<'file.download'>> {
    const { onEvent, onProgress, effect, ...args } = options;
    const fleet = await this.fleet();
    try {
      const put: PutOutcome = await fleet.put(DEVICE, { path, ...args }, memorySource(content), {
        signal: new AbortController().signal,
        ...(onEvent === undefined ? {} : { onEvent }),
        ...(onProgress === undefined ? {} : { onProgress }),
        ...(effect === undefined ? {} : { effect }),
      });
      return endOf(put.outcome);
    } finally {
      await fleet.close();
    }
  }

  async get(path: string, options: GetOptions = {}): Promise<Got> {
    const { sink = new MemorySink(), onEvent, onProgress, ...args } = options;
    const fleet = await this.fleet();
    try {
      const got: GetOutcome = await fleet.get(DEVICE, { path, ...args }, sink, {
        signal: new AbortController().signal,
        ...(onEvent === undefined ? {} : { onEvent }),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
      return { ...endOf(got.outcome), sink, fault: got.fault?.code, resumedAt: got.file?.resumedAt };
    } finally {
      await fleet.close();
    }
  }

  /** An order as signed, with these fields changed. */
  packet(change: Record<string, unknown> = {}, key: KeyStore = this.operator): Promise<Uint8Array> {
    counter += 1;
    const order = {
      v: 1,
      id: systemEntropy.randomBytes(16),
      aud: { to: 'device', name: DEVICE },
      verb: 'machine.status',
      args: {},
      iss: key.publicKey.keyId,
      ctr: counter,
      exp: systemClock.wallSeconds() + 600,
      ...change,
    };
    return signOrder(order as Order, key, TENANT);
  }

  /** Puts a packet on the device's order topic, as the broker or anybody on it can. */
  send(payload: Uint8Array, retained = false): void {
    this.broker.publish({ topic: deviceTopics(TENANT, DEVICE).cmd, payload, retained });
  }

  /** What the device has said, verified. */
  events(): DeviceEvent[] {
    const { evt } = deviceTopics(TENANT, DEVICE);
    return this.broker.published
      .filter(({ topic }) => topic === evt)
      .map(({ payload }) => {
        const opened = openEvent(payload, this.device.publicKey, { tenant: TENANT });
        if (!opened.ok) throw new Error(opened.refusal.sentence);
        return opened.value;
      });
  }

  said<E extends DeviceEvent['event']>(event: E): (DeviceEvent & { event: E })[] {
    return this.events().filter((said): said is DeviceEvent & { event: E } => said.event === event);
  }
}
