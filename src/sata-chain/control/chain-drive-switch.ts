import { NsError, Turns, type Verdict } from '../../base/index.ts';
import type { BlockDevice, DriveSwitch, SwitchPosition } from '../../ports/index.ts';
import { openChainDevice } from '../drive/chain-device.ts';
import { FAULT_SENTENCE } from '../pttrsm/judge.ts';
import type { TState } from '../pttrsm/pttrsm.ts';
import type { SataTarget } from '../target.ts';
import type { UnitOrder } from '../unit/orders.ts';
import type { Unit } from '../unit/unit.ts';

/** The first unit of a chain, as the management controller has it. `Ptddc` is one. */
export interface ChainHead {
  readonly state: Unit;
  /** Serves while the controller owns the chain (T8). */
  readonly bmc: SataTarget;
  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>>;
  onChange(listener: () => void): () => void;
}

export interface ChainDriveSwitchOptions {
  readonly disk: string;
  readonly head: ChainHead;
  readonly handBack: DriveSwitch['capabilities']['handBack'];
  readonly ownPower: boolean;
}

const POSITIONS: Readonly<Record<TState, SwitchPosition>> = {
  T0: 'unknown',
  T1: 'host',
  T2: 'host',
  T2H: 'host',
  T3: 'host',
  T4: 'host',
  T5: 'host',
  T6: 'host',
  T7: 'held',
  T8: 'ours',
  T9: 'unknown',
};

/** States that end by themselves, after which the chain can be taken or cannot. */
const PASSING: ReadonlySet<TState> = new Set(['T0', 'T1', 'T2', 'T5', 'T9']);

/**
 * A chain's head as a drive switch: taking is the order `own` (T8), giving back is `hand-back` (T9, every member flushed)
 * or `enable`, holding is `disable` (T7): the lock is in the unit's own memory and outlives any loss of power.
 */
export class ChainDriveSwitch implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #head: ChainHead;
  #taken: TakenChain | undefined;
  #taking: AbortController | undefined;
  readonly #turns = new Turns();

  constructor({ disk, head, handBack, ownPower }: ChainDriveSwitchOptions) {
    this.disk = disk;
    this.#head = head;
    this.capabilities = { hold: true, handBack, ownPower };
  }

  /** Where the switch is at this instant. */
  get at(): SwitchPosition {
    const { power, t } = this.#head.state;
    return power ? POSITIONS[t.state] : 'unknown';
  }

  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    return this.at;
  }

  /** Waits while the chain looks for its members. NS_CHAIN_HELD where it may not be used as it is. */
  async take(signal: AbortSignal): Promise<BlockDevice> {
    signal.throwIfAborted();
    const taking = new AbortController();
    this.#taking = taking;
    const both = AbortSignal.any([signal, taking.signal]);
    return this.#turns.take(async () => {
      both.throwIfAborted();
      if (this.#taken !== undefined && this.at === 'ours') return this.#taken;
      await this.#settled(both);
      await this.#order('own', both);
      const device = await openChainDevice(this.disk, this.#head.bmc, {}, both);
      both.throwIfAborted();
      this.#taken = new TakenChain(device, () => this.at === 'ours');
      return this.#taken;
    });
  }

  async giveBack(): Promise<void> {
    await this.#away('host');
  }

  async hold(): Promise<void> {
    await this.#away('held');
  }

  #away(to: 'host' | 'held'): Promise<void> {
    this.#taking?.abort(new NsError('NS_SWITCH', `${this.disk} was sent elsewhere meanwhile`));
    this.#taken?.disconnect();
    this.#taken = undefined;
    return this.#turns.take(async () => {
      if (to === 'held') await this.#order('disable');
      else if (this.at === 'held') await this.#order('enable');
      else if (this.at !== 'host') await this.#order('hand-back');
    });
  }

  async #order(order: UnitOrder, signal?: AbortSignal): Promise<void> {
    const verdict = await this.#head.order(order, signal);
    if (verdict.ok) return;
    throw new NsError('NS_SWITCH', `${this.disk} does not obey "${order}": ${verdict.refusal.sentence}`);
  }

  /** Until the chain is ready to be taken. */
  async #settled(signal: AbortSignal): Promise<void> {
    while (PASSING.has(this.#head.state.t.state) && this.#head.state.power) {
      await new Promise<void>((resolve, reject) => {
        const end = (settle: () => void) => () => {
          leave();
          signal.removeEventListener('abort', onAbort);
          settle();
        };
        const onAbort = end(() => reject(signal.reason as Error));
        const leave = this.#head.onChange(end(resolve));
        signal.addEventListener('abort', onAbort, { once: true });
      });
    }
    const { power, t } = this.#head.state;
    const why = whyHeld(power, t);
    if (why !== undefined) throw new NsError('NS_CHAIN_HELD', `${this.disk} cannot be taken: ${why}`);
  }
}

function whyHeld(power: boolean, { state, fault, missing }: Unit['t']): string | undefined {
  if (!power) return 'its first unit has no power';
  if (state === 'T2H')
    return `members of the chain are missing (${missing === 'local' ? 'the first drive' : 'below the first unit'})`;
  if (state === 'T6') return fault === null ? 'the chain has a fault' : FAULT_SENTENCE[fault];
  return state === 'T7' ? 'it is disabled' : undefined;
}

/** The chain as long as it is ours. What arrives after that fails, as on a cable that was pulled. */
class TakenChain implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockDevice['capabilities'];
  readonly #device: BlockDevice;
  readonly #ours: () => boolean;
  #connected = true;

  constructor(device: BlockDevice, ours: () => boolean) {
    this.name = device.name;
    this.capabilities = device.capabilities;
    this.#device = device;
    this.#ours = ours;
  }

  disconnect(): void {
    this.#connected = false;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileOurs(() => this.#device.read(offset, into, signal));
  }

  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileOurs(() => this.#device.write(offset, data, signal));
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#whileOurs(() => this.#device.flush(signal));
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#whileOurs(() => this.#device.trim(offset, length, signal));
  }

  async close(): Promise<void> {}

  async #whileOurs(act: () => Promise<void>): Promise<void> {
    if (this.#connected && this.#ours()) await act();
    if (!this.#connected || !this.#ours()) throw new NsError('NS_BLOCK_IO', `${this.name} is no longer ours`);
  }
}
