import type { NsError, Verdict } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import {
  type ChainControl,
  type ChainRouter,
  type CopyWorkOptions,
  Hba,
  HOST_PORT_TIMINGS,
  type OpenArray,
  openArray,
  type Ptddc,
  RegisterChain,
  SimRegisters,
  summarizeArray,
  type UnitOrder,
} from '../../sata-chain/index.ts';
import { ArrayRouter } from './array-router.ts';
import { layoutByPlace } from './layout-by-place.ts';
import { LocalUnits, type LocalUnitsOptions, newId } from './local-units.ts';

export interface LocalChainOptions extends Omit<LocalUnitsOptions, 'above' | 'keepsPlaces' | 'headRouter'> {
  readonly clock: Clock;
  /** Mirrors and spares by place (layout-by-place.ts); needs `state`, and all members here. */
  readonly layout?: unknown;
  /** How fast copies may go, and what sensors say. */
  readonly copying?: Partial<CopyWorkOptions>;
}

/** A chain whose head is in this process, with a host's controller before it. */
export class LocalChain {
  readonly name: string;
  readonly head: Ptddc;
  /** What a host's controller at the head sees. */
  readonly hba: Hba;
  readonly control: ChainControl;
  readonly #options: LocalChainOptions;
  readonly #units: LocalUnits;
  readonly #registers: SimRegisters;
  readonly #array: ArrayRouter | undefined;

  private constructor(options: LocalChainOptions, units: LocalUnits, array: ArrayRouter | undefined) {
    const { scheduler, name } = options;
    this.name = name;
    this.head = units.first;
    this.#options = options;
    this.#units = units;
    this.#array = array;
    const { timings } = units;
    this.hba = new Hba({
      scheduler,
      plug: this.head.pti,
      ...(timings === undefined ? {} : { timings: { ...HOST_PORT_TIMINGS, phy: timings.phy } }),
    });
    this.#registers = new SimRegisters(
      name,
      units.seats.map(({ unit, target, router }) => ({
        unit,
        drive: () => target.identity,
        setWindow: (window) => router.setWindow(window),
      })),
    );
    this.control = new RegisterChain({
      disk: name,
      registers: this.#registers,
      sync: units.seats[0]!.sync,
      clock: options.clock,
      array: () => {
        const status = this.#array?.array?.status();
        return status === undefined ? undefined : summarizeArray(status);
      },
    });
  }

  /**
   * Puts the chain together and switches it on. NS_CHAIN_RECORD where a unit's record cannot be read; NS_ARRAY_LAYOUT where
   * the layout cannot be meant.
   */
  static async open(options: LocalChainOptions): Promise<LocalChain> {
    const { layout, log, name } = options;
    if (layout !== undefined)
      layoutByPlace(
        layout,
        options.members.map((_, i) => String(i)),
      );
    let array: ArrayRouter | undefined;
    const withArray = (raw: ChainRouter): ArrayRouter => {
      const trouble = (error: NsError) =>
        log.log('error', 'chain.array', { disk: name, error: error.message });
      array = new ArrayRouter(raw, () => chain.#openArray(raw), trouble);
      return array;
    };
    const units = await LocalUnits.make({
      ...options,
      keepsPlaces: layout !== undefined,
      ...(layout === undefined ? {} : { headRouter: withArray }),
    });
    const chain: LocalChain = new LocalChain(options, units, array);
    await units.switchOn();
    await units.enrol();
    chain.hba.powerOn();
    return chain;
  }

  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>> {
    return this.head.order(order, signal);
  }

  get array(): OpenArray | undefined {
    return this.#array?.array;
  }

  /** Pulls the plug of a drive, as a hand would. False where there is none. */
  pull(place: number): boolean {
    return this.#units.setPlugged(place, false);
  }

  plug(place: number): boolean {
    return this.#units.setPlugged(place, true);
  }

  /** What is at this place: its unit's id, and the drive's identity. */
  memberAt(place: number) {
    const seat = this.#units.seats[place];
    return seat && { unit: seat.unit.state.t.record.unit, drive: seat.target.identity };
  }

  loseAndRegainPower(): Promise<void> {
    return this.#units.loseAndRegainPower();
  }

  /** Flushes what can be flushed and ends; the devices and links stay open. */
  async close(): Promise<void> {
    this.hba.close();
    await this.#array?.close();
    await this.#units.close();
    await this.#registers.close();
  }

  #openArray(raw: ChainRouter): Promise<OpenArray> {
    const { state, layout, name, scheduler, log, entropy, copying } = this.#options;
    const seats = this.#units.seats.map(({ unit, target, drive }) => ({
      unit: unit.state.t.record.unit,
      identity: target.identity,
      target: drive.target,
    }));
    const byUnit = new Map(seats.map(({ unit, target }) => [unit, target]));
    return openArray({
      chain: { target: raw, member: (unit) => byUnit.get(unit)! },
      members: seats.map(({ unit, identity: { serial, sectors, sectorSize } }) => ({
        unit,
        serial,
        sectors,
        sectorSize,
      })),
      layout: layoutByPlace(
        layout,
        seats.map(({ unit }) => unit),
      ),
      newArray: newId(entropy),
      state: state!,
      name: `${name}-array`,
      scheduler,
      ...(copying === undefined ? {} : { copying }),
      onEvent: (event) => log.log('info', `chain.array.${event.kind}`, { disk: name }),
    });
  }
}
