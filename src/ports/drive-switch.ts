import type { Duration } from '../base/index.ts';
import type { BlockDevice } from './block-device.ts';

export type SwitchPosition = 'host' | 'ours' | 'held' | 'unknown';

/** Who a drive is wired to, and the way to change that. One per disk. */
export interface DriveSwitch {
  /** "disk0". */
  readonly disk: string;
  readonly capabilities: {
    /** True where the switch can keep the drive from both sides ("held"). */
    readonly hold: boolean;
    /** The longest that handing the drive back may take on this board. */
    readonly handBack: Duration;
    /** True where the drive is powered without the host. */
    readonly ownPower: boolean;
  };
  position(signal?: AbortSignal): Promise<SwitchPosition>;
  /** Connects the drive to us. The device is good until giveBack or hold. */
  take(signal: AbortSignal): Promise<BlockDevice>;
  /** Connects the drive to the host. Everything written before is flushed. */
  giveBack(): Promise<void>;
  /** Keeps the drive from the host (disabled machine); undone by giveBack. */
  hold(): Promise<void>;
}
