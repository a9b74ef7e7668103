import { type NsError, toHex } from '../../base/index.ts';
import type { BlockDevice, ChainLink, Entropy, LogSink, StateStore } from '../../ports/index.ts';
import {
  BlockDrive,
  ChainRouter,
  DrivePlug,
  millis,
  Ptddc,
  RemotePlug,
  type Scheduler,
  type UnitMemory,
  type UnitRouter,
  UnitSync,
  type UnitTimings,
  unitTimingsFor,
} from '../../sata-chain/index.ts';
import { inProcessPair } from '../chain-link/in-process.ts';
import { factsOf } from './facts.ts';
import { passingMemory, storedMemory } from './unit-records.ts';

export interface LocalMember {
  readonly device: BlockDevice;
  /** At most 20 characters; tells the drive from all others of the chain, for as long as it lives. */
  readonly serial: string;
  readonly model?: string;
}

export interface LocalUnitsOptions {
  /** "disk0"; own storage has the units' records under this name. */
  readonly name: string;
  /** One unit and one drive each, the uppermost first. */
  readonly members: readonly LocalMember[];
  readonly scheduler: Scheduler;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Where the units keep their records; without it they pass with the process. */
  readonly state?: StateStore;
  /** To the unit above, in another process; without it the uppermost unit here is the chain's head. */
  readonly above?: ChainLink;
  /** To the rest of the chain. */
  readonly below?: ChainLink;
  readonly timings?: UnitTimings;
  /** Members may go without the disk becoming another one: mirrors at the head make up for them. */
  readonly keepsPlaces: boolean;
  /** What the uppermost unit routes by; the raw router by default. */
  readonly headRouter?: (raw: ChainRouter) => UnitRouter;
}

/** A unit in this process with its drive. */
export interface Seat {
  readonly unit: Ptddc;
  readonly drive: DrivePlug;
  readonly target: BlockDrive;
  readonly router: ChainRouter;
  readonly sync: UnitSync;
  plugged: boolean;
}

/** Units in this process, one below the other, each before a drive that is a BlockDevice; only their wires are simulated. */
export class LocalUnits {
  readonly seats: readonly Seat[];
  readonly timings: UnitTimings | undefined;
  readonly #options: LocalUnitsOptions;
  readonly #below: RemotePlug | undefined;

  private constructor(options: LocalUnitsOptions, memories: readonly UnitMemory[], ids: readonly string[]) {
    this.#options = options;
    this.timings = timingsFor(options);
    const { members, name, scheduler, above, below } = options;
    const cables = members.slice(1).map((_, i) => inProcessPair(scheduler, { name: `${name}.${i}` }));
    this.seats = members.map((member, i) =>
      this.#seat(member, memories[i]!, ids[i]!, i === 0, {
        above: i === 0 ? above : cables[i - 1]!.ends[1],
        below: i === members.length - 1 ? below : cables[i]!.ends[0],
      }),
    );
    this.#below =
      below && new RemotePlug(below, scheduler, { newIncarnation: incarnations(options.entropy) });
    this.seats.forEach(({ unit, drive }, i) => {
      unit.attach('ddi', drive);
      unit.attach('pto', this.seats[i + 1]?.unit.pti ?? this.#below);
    });
  }

  /** Makes them, without power. NS_CHAIN_RECORD where a record cannot be read. */
  static async make(options: LocalUnitsOptions): Promise<LocalUnits> {
    const { state, members, name, entropy } = options;
    const keepsPlaces = options.keepsPlaces ? { keepsPlaces: true } : {};
    const memories = members.map((_, i) => {
      const blank = { unit: newId(entropy), locked: false, epoch: 0, ...keepsPlaces };
      return state === undefined ? passingMemory(blank) : storedMemory(state, `${name}-unit${i}.json`, blank);
    });
    const records = await Promise.all(memories.map((memory) => memory.load()));
    const ids = records.map((record) => record!.unit);
    return new LocalUnits(options, memories, ids);
  }

  get first(): Ptddc {
    return this.seats[0]!.unit;
  }

  async switchOn(): Promise<void> {
    for (const { drive } of this.seats) drive.powerOn();
    // From the tail on, so that each unit finds the one below at once.
    for (const { unit } of [...this.seats].reverse()) await unit.powerOn();
    for (const { sync } of this.seats) sync.start();
  }

  /** Blank units join the chain of the others here, or a new one. */
  async enrol(): Promise<void> {
    const { entropy, log } = this.#options;
    const records = this.seats.map(({ unit }) => unit.state.t.record);
    const chain = records.find((record) => record.chain !== undefined)?.chain ?? newId(entropy);
    for (const [i, { unit }] of this.seats.entries()) {
      if (records[i]?.chain !== undefined) continue;
      const verdict = await unit.enrol(chain);
      if (verdict.ok) continue;
      log.log('error', 'chain.not-enrolled', { unit: records[i]!.unit, reason: verdict.refusal.sentence });
    }
  }

  /** Puts a drive's plug in or pulls it, as a hand would. False where there is no such place. */
  setPlugged(place: number, plugged: boolean): boolean {
    const seat = this.seats[place];
    if (seat === undefined) return false;
    if (seat.plugged === plugged) return true;
    seat.plugged = plugged;
    if (plugged) seat.drive.powerOn();
    else seat.drive.powerOff();
    seat.unit.attach('ddi', plugged ? seat.drive : undefined);
    return true;
  }

  /** All units lose power, and get it again: only what their memories hold is left. */
  async loseAndRegainPower(): Promise<void> {
    for (const { unit } of this.seats) unit.powerOff();
    for (const { unit } of this.seats) await unit.powerOn();
  }

  async close(): Promise<void> {
    for (const { sync } of this.seats) sync.stop();
    await Promise.allSettled(this.seats.map(({ target }) => target.flush()));
    for (const { unit, drive } of this.seats) {
      unit.powerOff();
      drive.powerOff();
    }
    this.#below?.close();
  }

  #seat(
    { device, serial, model }: LocalMember,
    memory: UnitMemory,
    id: string,
    isFirst: boolean,
    { above, below }: { above: ChainLink | undefined; below: ChainLink | undefined },
  ): Seat {
    const { scheduler, log, headRouter } = this.#options;
    const target = new BlockDrive(device, { serial, ...(model === undefined ? {} : { model }) });
    const phy = this.timings === undefined ? {} : { timings: this.timings.phy };
    const router = new ChainRouter();
    const unit = new Ptddc({
      scheduler,
      memory,
      router: isFirst && headRouter !== undefined ? headRouter(router) : router,
      unit: id,
      ...(this.timings === undefined ? {} : { timings: this.timings }),
      onTrouble: (error: NsError) => log.log('error', 'chain.record', { unit: id, error: error.message }),
    });
    const sync = new UnitSync({
      unit: id,
      chain: () => unit.state.t.record.chain,
      facts: () => factsOf(unit, target.identity),
      scheduler,
      log,
      ...(above === undefined ? {} : { above }),
      ...(below === undefined ? {} : { below }),
    });
    unit.onChange(() => sync.touched());
    return { unit, drive: new DrivePlug(scheduler, target, phy), target, router, sync, plugged: true };
  }
}

/** Links to other processes make every phy wait here as slow as the slowest of them. */
function timingsFor({ timings, above, below }: LocalUnitsOptions): UnitTimings | undefined {
  const links = [above, below].filter((link) => link !== undefined);
  if (links.length === 0) return timings;
  const roundTrip = Math.max(...links.map((link) => link.capabilities.roundTrip));
  return unitTimingsFor(millis(roundTrip), timings);
}

export const newId = (entropy: Entropy): string => toHex(entropy.randomBytes(8));

/** A number that tells this run of an end from earlier ones; never 0. */
export function incarnations(entropy: Entropy): () => number {
  return () => new DataView(Uint8Array.from(entropy.randomBytes(4)).buffer).getUint32(0) || 1;
}
