import type { Refusal, Verdict } from '../../base/index.ts';
import type { Channel, HostConsole, PowerAction, PowerReading, Stop } from '../../ports/index.ts';
import type { BootFlags } from '../commands/boot-flags.ts';
import type { RestorePolicy } from '../commands/get-chassis-status.ts';
import type { FruInventory } from '../fru/inventory.ts';
import type { Caller } from './command.ts';

export type { HostConsole } from '../../ports/index.ts';

/** What this BMC says of itself. */
export interface BmcIdentity {
  readonly deviceId: number;
  readonly deviceRevision: number;
  readonly firmware: { readonly major: number; readonly minor: number };
  /** IANA enterprise number; 0 for none. */
  readonly manufacturer: number;
  readonly product: number;
  /** 16 bytes, in the order of the wire. Of the BMC, and of the system it manages. */
  readonly guid: Uint8Array;
  readonly systemGuid: Uint8Array;
  readonly name: string;
}

/** The machine that a BMC stands for: everything that its commands reach. Refusals become completion codes. */
export interface BmcMachine {
  readonly identity: BmcIdentity;
  readonly chassis: BmcChassis;
  readonly sensors: BmcSensors;
  /** FRU device 0 is the board. */
  readonly fru: FruInventory;
  /** Present where the host has a serial console to be joined. */
  readonly console?: HostConsole;
}

export interface BmcChassis {
  power(signal: AbortSignal): Promise<PowerReading>;
  /** Obeyed or refused by the same rules as everywhere; resolves before the host shows it. */
  control(action: PowerAction, by: Caller, signal: AbortSignal): Promise<Verdict<void>>;
  /** What the board can do; all where it is not said. */
  readonly actions?: readonly PowerAction[];
  /** Why the host cannot be switched on now, where it cannot: the machine is disabled. */
  locked(): Refusal | undefined;
  readonly restorePolicy: Setting<RestorePolicy>;
  readonly bootFlags: Setting<Partial<BootFlags> & Pick<BootFlags, 'valid'>>;
  /** Seconds; 0 for off, undefined for until told otherwise. Absent where the board has no lamp. */
  readonly identify?: (seconds: number | undefined) => Promise<void>;
  readonly intrusion?: (signal: AbortSignal) => Promise<boolean>;
  readonly powerOnHours?: () => number;
  /** What the board can do when mains power comes back; all three where it is not said. */
  readonly restorePolicies?: readonly Exclude<RestorePolicy, 'unknown'>[];
  /** The power button, masked by a user and not by the lock. Absent where it cannot be masked. */
  readonly powerButtonMasked?: Setting<boolean>;
  /** Called when the host has come up, was reset while it was up, or has gone down. Absent where nobody looks. */
  readonly onHost?: (listener: (change: HostChange) => void) => Stop;
  /** Of what the host draws, in watts. */
  readonly watts?: (signal: AbortSignal) => Promise<number>;
}

export type HostChange = 'up' | 'reset' | 'down';

/** Kept over restarts. */
export interface Setting<T> {
  get(): T;
  set(value: T): Promise<void>;
}

/** Enrolled channels that are sensors, in an order that does not change while the BMC runs. */
export interface BmcSensors {
  readonly channels: readonly Channel[];
  /** In the channel's unit; undefined where it does not answer now. */
  read(name: string, signal: AbortSignal): Promise<number | undefined>;
}
