import { type Duration, milliseconds, NsError } from '../../base/index.ts';
import type { BlockDevice, Clock, DriveSwitch, SwitchPosition } from '../../ports/index.ts';
import { SeverableDrive } from './severable-drive.ts';

/** `stuck`: does not move; `deaf`: moves never, and says nothing either. */
export type SwitchFault = 'stuck' | 'deaf';

export interface SimDriveSwitchOptions {
  readonly disk: string;
  readonly clock: Clock;
  /** Opens the drive itself, once. */
  readonly open: () => Promise<BlockDevice>;
  /** How long the switch takes to move; 50 ms by default. */
  readonly delay?: Duration;
  readonly handBack?: Duration;
  readonly hold?: boolean;
  readonly ownPower?: boolean;
}

/** A drive switch over a simulated drive. Between two positions it is at neither. */
export class SimDriveSwitch implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #options: SimDriveSwitchOptions;
  readonly #delay: Duration;
  #drive: Promise<BlockDevice> | undefined;
  #position: SwitchPosition = 'host';
  #connected: SeverableDrive | undefined;
  #movement = 0;
  #fault: SwitchFault | undefined;

  constructor(options: SimDriveSwitchOptions) {
    this.disk = options.disk;
    this.#options = options;
    this.#delay = options.delay ?? milliseconds(50);
    this.capabilities = {
      hold: options.hold ?? true,
      handBack: options.handBack ?? milliseconds(2000),
      ownPower: options.ownPower ?? true,
    };
  }

  /** Where the switch is at this instant. */
  get at(): SwitchPosition {
    return this.#position;
  }

  setFault(fault: SwitchFault | undefined): void {
    this.#fault = fault;
  }

  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    return this.#position;
  }

  async take(signal: AbortSignal): Promise<BlockDevice> {
    signal.throwIfAborted();
    if (this.#connected && this.#position === 'ours') return this.#connected;
    this.#movement += 1;
    const movement = this.#movement;
    this.#drive ??= this.#options.open();
    const drive = await this.#drive;
    await this.#move('ours', signal, movement);
    this.#connected = new SeverableDrive(drive);
    return this.#connected;
  }

  async giveBack(): Promise<void> {
    await this.#away('host');
  }

  async hold(): Promise<void> {
    if (!this.capabilities.hold) {
      throw new NsError('NS_NOT_SUPPORTED', `the switch of ${this.disk} cannot hold`, { family: 'caller' });
    }
    await this.#away('held');
  }

  /** Closes the drive's image. */
  async close(): Promise<void> {
    this.#connected?.sever('is no longer wired to us');
    const drive = await this.#drive?.catch(() => undefined);
    this.#drive = undefined;
    await drive?.close();
  }

  async #away(to: 'host' | 'held'): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    connected?.sever('is no longer wired to us');
    this.#movement += 1;
    await this.#move(to, undefined, this.#movement);
  }

  /** The latest movement wins; one that was overtaken fails. */
  async #move(to: SwitchPosition, signal: AbortSignal | undefined, movement: number): Promise<void> {
    this.#checkLatest(movement);
    if (this.#fault === 'stuck') throw new NsError('NS_SWITCH', `the switch of ${this.disk} does not move`);
    if (this.#fault === 'deaf') await new Promise<never>((_, reject) => onAbort(signal, reject));
    if (this.#position === to) return;
    const from = this.#position;
    this.#position = 'unknown';
    try {
      await this.#options.clock.sleep(this.#delay, signal ?? new AbortController().signal);
    } catch (error) {
      if (movement === this.#movement) this.#position = from;
      throw error;
    }
    this.#checkLatest(movement);
    this.#position = to;
  }

  #checkLatest(movement: number): void {
    if (movement === this.#movement) return;
    throw new NsError('NS_SWITCH', `the switch of ${this.disk} was sent elsewhere meanwhile`);
  }
}

function onAbort(signal: AbortSignal | undefined, reject: (error: Error) => void): void {
  signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
}
