import { type NsError, toHex, type Verdict } from '../../base/index.ts';
import type { BlockDevice, Clock, Entropy, LogSink, StateStore } from '../../ports/index.ts';
import {
  type ArrayStatus,
  BlockDrive,
  type ChainControl,
  type ChainMember,
  ChainRouter,
  type DeviceIdentity,
  DrivePlug,
  Hba,
  type OpenArray,
  openArray,
  type Plug,
  Ptddc,
  RegisterChain,
  type Scheduler,
  SimRegisters,
  type UnitMemory,
  type UnitOrder,
  UnitSync,
  type UnitTimings,
} from '../../sata-chain/index.ts';
import { inProcessPair } from '../chain-link/in-process.ts';
import { ArrayRouter } from './array-router.ts';
import { factsOf } from './facts.ts';
import { layoutByPlace } from './layout-by-place.ts';
import { passingMemory, storedMemory } from './unit-records.ts';

export interface LocalMember {
  readonly device: BlockDevice;
  /** At most 20 characters; tells the drive from all others of the chain, for as long as it lives. */
  readonly serial: string;
  readonly model?: string;
}

export interface LocalChainOptions {
  /** "disk0"; own storage has its documents under this name. */
  readonly name: string;
  /** One unit and one drive each, the head first. */
  readonly members: readonly LocalMember[];
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Where membership, lock and mirrors are kept; without it they pass with the process. */
  readonly state?: StateStore;
  /** The rest of the chain, behind the last unit here. */
  readonly below?: Plug;
  readonly timings?: UnitTimings;
  /** Mirrors and spares by place (layout-by-place.ts); needs `state`, and all members here. */
  readonly layout?: unknown;
}

interface Seat {
  readonly unit: Ptddc;
  readonly drive: DrivePlug;
  readonly identity: DeviceIdentity;
  readonly target: BlockDrive;
  readonly router: ChainRouter;
  readonly sync: UnitSync;
  plugged: boolean;
}

/**
 * A chain of units in this process, each before a drive that is a BlockDevice. The machines run on the scheduler and the
 * data really move; only the wires between the units are simulated.
 */
export class LocalChain {
  readonly name: string;
  readonly head: Ptddc;
  /** What a host's controller at the head sees. */
  readonly hba: Hba;
  readonly control: ChainControl;
  readonly #options: LocalChainOptions;
  readonly #seats: Seat[] = [];
  readonly #registers: SimRegisters;
  readonly #array: ArrayRouter | undefined;

  private constructor(options: LocalChainOptions, units: readonly UnitMemory[], ids: readonly string[]) {
    const { scheduler, log, members, timings, name } = options;
    this.#options = options;
    this.name = name;
    const cables = members.slice(1).map((_, i) => inProcessPair(scheduler, { name: `${name}.${i}` }));
    for (const [i, member] of members.entries()) {
      const { device, serial, model } = member;
      const target = new BlockDrive(device, { serial, ...(model === undefined ? {} : { model }) });
      const drive = new DrivePlug(scheduler, target);
      const raw = new ChainRouter();
      const router = i === 0 && options.layout !== undefined ? this.#withArray(raw, log) : raw;
      const unit: Ptddc = new Ptddc({
        scheduler,
        memory: units[i]!,
        router,
        unit: ids[i]!,
        ...(timings === undefined ? {} : { timings }),
        onTrouble: (error) => log.log('error', 'chain.record', { unit: ids[i]!, error: error.message }),
      });
      const above = cables[i - 1]?.ends[1];
      const below = cables[i]?.ends[0];
      const sync = new UnitSync({
        unit: ids[i]!,
        chain: () => unit.state.t.record.chain,
        facts: () => factsOf(unit, target.identity),
        scheduler,
        log,
        ...(above === undefined ? {} : { above }),
        ...(below === undefined ? {} : { below }),
      });
      unit.onChange(() => sync.touched());
      this.#seats.push({ unit, drive, identity: target.identity, target, router: raw, sync, plugged: true });
      if (router instanceof ArrayRouter) this.#array = router;
    }
    this.#seats.forEach(({ unit, drive }, i) => {
      unit.attach('ddi', drive);
      unit.attach('pto', this.#seats[i + 1]?.unit.pti ?? options.below);
    });
    this.head = this.#seats[0]!.unit;
    this.hba = new Hba({ scheduler, plug: this.head.pti });
    this.#registers = new SimRegisters(
      name,
      this.#seats.map(({ unit, identity, router }) => ({
        unit,
        drive: () => identity,
        setWindow: (window) => router.setWindow(window),
      })),
    );
    this.control = new RegisterChain({
      disk: name,
      registers: this.#registers,
      sync: this.#seats[0]!.sync,
      clock: options.clock,
      array: () => summaryOf(this.#array?.array?.status()),
    });
  }

  /**
   * Puts the chain together and switches it on. NS_CHAIN_RECORD where a unit's record cannot be read; NS_ARRAY_LAYOUT where
   * the layout cannot be meant.
   */
  static async open(options: LocalChainOptions): Promise<LocalChain> {
    const { state, members, name, entropy } = options;
    const keepsPlaces = options.layout === undefined ? {} : { keepsPlaces: true };
    const memories = members.map((_, i) => {
      const blank = { unit: newId(entropy), locked: false, epoch: 0, ...keepsPlaces };
      return state === undefined ? passingMemory(blank) : storedMemory(state, `${name}-unit${i}.json`, blank);
    });
    const records = await Promise.all(memories.map((memory) => memory.load()));
    const chain = new LocalChain(
      options,
      memories,
      records.map((record) => record!.unit),
    );
    await chain.#switchOn();
    return chain;
  }

  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>> {
    return this.head.order(order, signal);
  }

  /** The chain from the head down, for the management controller: served while it owns the chain. */
  get owned() {
    return this.head.bmc;
  }

  get array(): OpenArray | undefined {
    return this.#array?.array;
  }

  get drives(): readonly {
    readonly unit: string;
    readonly identity: DeviceIdentity;
    readonly plugged: boolean;
  }[] {
    return this.#seats.map(({ unit, identity, plugged }) => ({
      unit: unit.state.t.record.unit,
      identity,
      plugged,
    }));
  }

  /** Pulls the plug of a drive, as a hand would. False where there is none. */
  pull(place: number): boolean {
    return this.#setPlugged(place, false);
  }

  plug(place: number): boolean {
    return this.#setPlugged(place, true);
  }

  /** All units lose power, and get it again: only what their memories hold is left. */
  async loseAndRegainPower(): Promise<void> {
    for (const { unit } of this.#seats) unit.powerOff();
    for (const { unit } of this.#seats) await unit.powerOn();
  }

  /** Flushes what can be flushed and ends; the devices stay open. */
  async close(): Promise<void> {
    this.hba.close();
    for (const { sync } of this.#seats) sync.stop();
    await this.#array?.close();
    await Promise.allSettled(this.#seats.map(({ target }) => target.flush()));
    for (const { unit, drive } of this.#seats) {
      unit.powerOff();
      drive.powerOff();
    }
    await this.#registers.close();
  }

  async #switchOn(): Promise<void> {
    for (const { drive } of this.#seats) drive.powerOn();
    // From the tail on, so that each unit finds the one below at once.
    for (const { unit } of [...this.#seats].reverse()) await unit.powerOn();
    for (const { sync } of this.#seats) sync.start();
    await this.#enrol();
    this.hba.powerOn();
  }

  /** Blank units join the chain of the others here, or a new one. */
  async #enrol(): Promise<void> {
    const records = this.#seats.map(({ unit }) => unit.state.t.record);
    const chain = records.find((record) => record.chain !== undefined)?.chain ?? newId(this.#options.entropy);
    for (const [i, { unit }] of this.#seats.entries()) {
      if (records[i]?.chain !== undefined) continue;
      const verdict = await unit.enrol(chain);
      if (!verdict.ok) {
        const { sentence } = verdict.refusal;
        this.#options.log.log('error', 'chain.not-enrolled', { unit: records[i]!.unit, reason: sentence });
      }
    }
  }

  #setPlugged(place: number, plugged: boolean): boolean {
    const seat = this.#seats[place];
    if (seat === undefined) return false;
    if (seat.plugged === plugged) return true;
    seat.plugged = plugged;
    if (plugged) seat.drive.powerOn();
    else seat.drive.powerOff();
    seat.unit.attach('ddi', plugged ? seat.drive : undefined);
    return true;
  }

  #withArray(raw: ChainRouter, log: LogSink): ArrayRouter {
    const { name } = this.#options;
    const trouble = (error: NsError) => log.log('error', 'chain.array', { disk: name, error: error.message });
    return new ArrayRouter(raw, () => this.#openArray(raw), trouble);
  }

  #openArray(raw: ChainRouter): Promise<OpenArray> {
    const { state, layout, name, scheduler, log, entropy } = this.#options;
    const members: ChainMember[] = this.#seats.map(({ unit, identity }) => ({
      unit: unit.state.t.record.unit,
      serial: identity.serial,
      sectors: identity.sectors,
      sectorSize: identity.sectorSize,
    }));
    const byUnit = new Map(this.#seats.map(({ unit, drive }) => [unit.state.t.record.unit, drive.target]));
    return openArray({
      chain: { target: raw, member: (unit) => byUnit.get(unit)! },
      members,
      layout: layoutByPlace(
        layout,
        members.map(({ unit }) => unit),
      ),
      newArray: newId(entropy),
      state: state!,
      name: `${name}-array`,
      scheduler,
      onEvent: (event) => log.log('info', `chain.array.${event.kind}`, { disk: name }),
    });
  }
}

function summaryOf(status: ArrayStatus | undefined) {
  if (status === undefined) return undefined;
  const { copy, state } = status;
  const done =
    copy === undefined ? '' : `, ${Math.floor((100 * copy.done) / Math.max(1, copy.sectors))} % copied`;
  const lost = status.stretches.reduce((sum, stretch) => sum + stretch.lost.length, 0);
  const sentence = `${status.stretches.length} stretches, ${lost} copies lost${done}`;
  return { kind: 'mirrors and spares', state, sentence };
}

const newId = (entropy: Entropy): string => toHex(entropy.randomBytes(8));
