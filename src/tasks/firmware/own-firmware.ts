import type { BootBook, FirmwareRules } from '../../firmware/index.ts';
import type { FirmwareSlots, PublicKey } from '../../ports/index.ts';

/** The firmware that this agent is a part of. */
export interface OwnFirmware {
  readonly version: string;
  readonly rules: Omit<FirmwareRules, 'floor'>;
  /** Whose signatures count. */
  readonly keys: readonly PublicKey[];
  readonly release: boolean;
  readonly slots: FirmwareSlots;
  readonly book: BootBook;
  /** What the trial of what runs waits for, where it is on trial and something is missing. */
  waitsFor(): string | undefined;
  /** True from when a restart was asked for. */
  readonly restarting: boolean;
  /** An update waits to be started: once the receipt of this order is out and no other task runs, the board restarts. */
  restartAfter(order: Uint8Array): void;
}
