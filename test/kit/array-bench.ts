import type { BlockDevice } from '../../src/ports/index.ts';
import {
  type ArrayEvent,
  type ArrayParts,
  BlockDrive,
  type ChainMember,
  ChainRouter,
  type OpenArray,
  openArray,
  type RawChain,
} from '../../src/sata-chain/index.ts';
import { DriveFaults, FaultyDrive } from './faulty-drive.ts';
import { IdleScheduler } from './idle-scheduler.ts';
import { MemoryDevice } from './memory-device.ts';
import { MemoryState } from './memory-state.ts';
import { PowerRail } from './power-cut.ts';

export const unitOf = (at: number): string => `d${at.toString(16).padStart(15, '0')}`;
export const SECTOR = 512;

/** A drive in its place: what is on it and what is wrong with it stay through loss of power. */
export interface BenchMember {
  readonly unit: string;
  serial: string;
  device: MemoryDevice;
  faults: DriveFaults;
}

export type BenchOptions = Partial<Omit<ArrayParts, 'chain' | 'members' | 'layout' | 'state' | 'scheduler'>>;

/** An array over a chain of routers, all in memory, that can lose its power at any write and be opened again. */
export class ArrayBench {
  readonly members: BenchMember[];
  readonly state = new MemoryState();
  readonly events: ArrayEvent[] = [];
  readonly layout: unknown;
  scheduler = new IdleScheduler();
  rail = new PowerRail();
  /** Every flush of own storage waits for this. */
  storageGate: Promise<void> = Promise.resolve();
  array!: OpenArray;
  readonly #options: BenchOptions;

  constructor(sizes: readonly number[], layout: unknown, options: BenchOptions = {}) {
    this.members = sizes.map((sectors, at) => ({
      unit: unitOf(at),
      serial: `S${at}`,
      device: new MemoryDevice(`disk${at}`, sectors * SECTOR),
      faults: new DriveFaults(),
    }));
    this.layout = layout;
    this.#options = options;
  }

  get chainMembers(): ChainMember[] {
    return this.members.map(({ unit, serial, device }) => ({
      unit,
      serial,
      sectors: device.capabilities.size / SECTOR,
      sectorSize: 512,
    }));
  }

  /** Power on: the chain is built anew and the array opened. */
  async open(rail = new PowerRail()): Promise<OpenArray> {
    this.rail = rail;
    this.scheduler.stop();
    this.scheduler = new IdleScheduler();
    this.state.wrap = (device: BlockDevice) => this.#gated(rail.wrap(device as MemoryDevice));
    this.array = await openArray({
      newArray: 'a77a000000000001',
      name: 'chain.array',
      smallestRegion: 8,
      ...this.#options,
      onEvent: (event) => {
        this.events.push(event);
        this.#options.onEvent?.(event);
      },
      chain: this.#chain(rail),
      members: this.chainMembers,
      layout: this.layout,
      state: this.state,
      scheduler: this.scheduler,
    });
    return this.array;
  }

  /** The power goes now, whatever is under way. */
  cut(): void {
    this.scheduler.stop();
    if (this.rail.cut) return;
    try {
      this.rail.fall();
    } catch {
      // That is how it says that it fell.
    }
  }

  /** Another drive in the place of one, while the power is off. */
  exchange(at: number, serial: string, fill = 0xee): void {
    const member = this.members[at]!;
    member.serial = serial;
    member.faults = new DriveFaults();
    member.device.bytes.fill(fill);
  }

  /** Until this holds; false where it does not after many turns. */
  async until(holds: () => boolean, turns = 20_000): Promise<boolean> {
    for (let turn = 0; turn < turns; turn += 1) {
      if (holds()) return true;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return holds();
  }

  healthy(): Promise<boolean> {
    return this.until(() => {
      const { state, unequalRegions } = this.array.status();
      return state === 'healthy' && unequalRegions === 0;
    });
  }

  #gated(device: BlockDevice): BlockDevice {
    return {
      name: device.name,
      capabilities: device.capabilities,
      read: (offset, into) => device.read(offset, into),
      write: (offset, data) => device.write(offset, data),
      flush: async () => {
        await this.storageGate;
        await device.flush();
      },
      trim: (offset, length) => device.trim(offset, length),
      close: () => device.close(),
    };
  }

  #chain(rail: PowerRail): RawChain {
    const { scheduler } = this;
    const drives = this.members.map(({ device, serial, unit, faults }) => {
      const drive = new BlockDrive(rail.wrap(device), { serial });
      return { unit, identity: drive.identity, target: new FaultyDrive(drive, faults, scheduler) };
    });
    let below: ChainRouter | undefined;
    for (const { identity, target } of [...drives].reverse()) {
      const router = new ChainRouter();
      const merged = below?.merge;
      router.setMembers(
        { identity, target },
        below && merged?.ok ? { identity: merged.identity, target: below } : undefined,
      );
      below = router;
    }
    const byUnit = new Map(drives.map(({ unit, target }) => [unit, target]));
    return { target: below!, member: (unit) => byUnit.get(unit)! };
  }
}
