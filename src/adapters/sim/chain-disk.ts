import { createHash } from 'node:crypto';
import { type Duration, NsError } from '../../base/index.ts';
import type {
  BlockDevice,
  Clock,
  DriveSwitch,
  Entropy,
  LogSink,
  StateStore,
  SwitchPosition,
} from '../../ports/index.ts';
import {
  type ChainControl,
  ChainDriveSwitch,
  millis,
  type Scheduler,
  UNIT_TIMINGS,
} from '../../sata-chain/index.ts';
import { LocalChain } from '../local-chain/local-chain.ts';
import type { SimConfig } from './config.ts';
import type { SwitchFault } from './drive-switch.ts';
import { SeverableDrive } from './severable-drive.ts';

export type SimMember = NonNullable<SimConfig['disks'][number]['members']>[number];

export interface SimChainDiskOptions {
  readonly disk: string;
  readonly members: readonly SimMember[];
  /** Mirrors and spares by place. */
  readonly layout?: unknown;
  /** Opens a member's drive. */
  readonly open: (member: SimMember) => Promise<BlockDevice>;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Where the units keep what outlives a loss of power; without it that passes with the process. */
  readonly state?: StateStore;
  readonly handBack: Duration;
  readonly ownPower: boolean;
}

/** What remains of the board's time once holders have ended and their data are flushed (bmc/hand-back-plan). */
const SWITCH_SHARE = 0.2;

/** Simulated drives need no time to spin up: whoever has not answered after this is not going to. */
const SPIN = millis(3000);

/** A disk of the simulated machine that is a chain: one unit and one drive a member, and the head as the drive switch. */
export class SimChainDisk implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #options: SimChainDiskOptions;
  #opened: readonly BlockDevice[] = [];
  #drives: readonly SeverableDrive[] = [];
  #chain: LocalChain | undefined;
  #switch: ChainDriveSwitch | undefined;
  #fault: SwitchFault | undefined;

  constructor(options: SimChainDiskOptions) {
    this.disk = options.disk;
    this.#options = options;
    this.capabilities = { hold: true, handBack: options.handBack, ownPower: options.ownPower };
  }

  /** Opens the drives and switches the units on. Call it before anything else. */
  async open(): Promise<void> {
    const { members, open, disk, layout, state, handBack, scheduler, clock, entropy, log } = this.#options;
    const opened: BlockDevice[] = [];
    for (const member of members) opened.push(await open(member));
    const devices = opened.map((drive) => new SeverableDrive(drive));
    this.#opened = opened;
    this.#drives = devices;
    const chain = await LocalChain.open({
      name: disk,
      members: members.map((member, i) => ({
        device: devices[i]!,
        serial: member.serial ?? serialOf(member.image),
        model: member.model,
      })),
      scheduler,
      clock,
      entropy,
      log,
      ...(state === undefined ? {} : { state }),
      ...(layout === undefined ? {} : { layout }),
      timings: { ...UNIT_TIMINGS, spin: SPIN, handBack: millis(handBack * SWITCH_SHARE) },
    });
    // The machine's own power decides when its controller looks for a disk.
    chain.hba.powerOff();
    this.#chain = chain;
    this.#switch = new ChainDriveSwitch({ ...this.capabilities, disk, head: chain.head });
  }

  /** The chain, once it is open. */
  get chain(): LocalChain {
    if (this.#chain === undefined)
      throw new NsError('NS_SWITCH', `the chain of ${this.disk} is not open`, { family: 'caller' });
    return this.#chain;
  }

  get control(): ChainControl {
    return this.chain.control;
  }

  get at(): SwitchPosition {
    return this.#switch?.at ?? 'unknown';
  }

  setFault(fault: SwitchFault | undefined): void {
    this.#fault = fault;
  }

  /** The host's own power: its controller looks for a disk while it has some. */
  hostPower(on: boolean): void {
    if (on) this.#chain?.hba.powerOn();
    else this.#chain?.hba.powerOff();
  }

  /** A drive dies: it answers its cable, and no command; undone by `false`. */
  kill(place: number, dead: boolean): void {
    const drive = this.#drives[place];
    if (drive === undefined)
      throw new NsError('NS_CONTROL_INVALID', `${this.disk} has no member ${place}`, { family: 'caller' });
    if (dead) drive.sever('is dead');
    else drive.mend();
  }

  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    return this.at;
  }

  async take(signal: AbortSignal): Promise<BlockDevice> {
    await this.#obey(signal);
    return this.#mover.take(signal);
  }

  async giveBack(): Promise<void> {
    await this.#obey();
    await this.#mover.giveBack();
  }

  async hold(): Promise<void> {
    await this.#obey();
    await this.#mover.hold();
  }

  async close(): Promise<void> {
    await this.#chain?.close();
    this.#chain = undefined;
    this.#switch = undefined;
    for (const drive of this.#opened) await drive.close();
  }

  get #mover(): ChainDriveSwitch {
    if (this.#switch !== undefined) return this.#switch;
    throw new NsError('NS_SWITCH', `the chain of ${this.disk} is not open`);
  }

  async #obey(signal?: AbortSignal): Promise<void> {
    if (this.#fault === 'stuck') throw new NsError('NS_SWITCH', `the head of ${this.disk} takes no orders`);
    if (this.#fault === 'deaf')
      await new Promise<never>((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
  }
}

/** A drive keeps its serial wherever it is put: that of an image goes with its path. */
function serialOf(image: string): string {
  return `SIM${createHash('sha256').update(image).digest('hex').slice(0, 12).toUpperCase()}`;
}
