import type { Stop } from './clock.ts';

/** ACPI states as far as a management controller can tell them. S4 and S5 may be told apart only by what the disk holds. */
export type PowerState = 'S0' | 'S3' | 'S4' | 'S5' | 'G3' | 'unknown';

/**
 * How a state came out of its sources. "agreed": all leave this one possible. "contradiction": no state is left that all
 * of them allow. "ambiguous": several are, and it matters which. "missing": one that is required did not answer.
 */
export type PowerFusion = 'agreed' | 'contradiction' | 'ambiguous' | 'missing';

export interface PowerReading {
  readonly state: PowerState;
  /** Which sources were read, and what each said: {"ps-pwrok": "low", "sio-s5": "asserted"}. */
  readonly sources: Readonly<Record<string, string>>;
  /** False where sources contradict each other or are missing; then the state is 'unknown'. */
  readonly certain: boolean;
  readonly fusion: PowerFusion;
}

/**
 * The host's power, read and guarded. Nothing here can switch the host on: promise 1.
 */
export interface HostPower {
  /** What this board can do. */
  readonly capabilities: { readonly buttonMask: boolean; readonly wakeInterlock: boolean };
  read(signal?: AbortSignal): Promise<PowerReading>;
  /** Called at every change of the reading. */
  onChange(listener: (reading: PowerReading) => void): Stop;
  /**
   * Called when the host asks to wake (button, wake-on-LAN, timer). While an interlock is there the host stays down
   * until allowWake; without one this is only the earliest warning.
   */
  onWakeRequest(listener: (reason: string) => void): Stop;
  /** Lets a pending wake request go on: the disk is with the host again. */
  allowWake(): Promise<void>;
  /** Masks or frees the power button and every other way to switch the host on. */
  maskPowerOn(masked: boolean): Promise<void>;
  /** Whether the mask is in force, as read back from the board. */
  powerOnMasked(signal?: AbortSignal): Promise<boolean>;
}
