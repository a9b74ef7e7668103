import { ByteView } from '../../base/index.ts';
import { within } from '../command.ts';
import { bit, flag, nameOf } from '../wire/bits.ts';

export const BOOT_DEVICE = {
  none: 0x0,
  pxe: 0x1,
  disk: 0x2,
  'disk-safe': 0x3,
  'diagnostic-partition': 0x4,
  cdrom: 0x5,
  'bios-setup': 0x6,
  'remote-floppy': 0x7,
  'remote-cdrom': 0x8,
  'remote-media': 0x9,
  'remote-disk': 0xb,
  floppy: 0xf,
} as const;
export type BootDevice = keyof typeof BOOT_DEVICE;

const CONSOLE_REDIRECTION = ['bios-default', 'suppress', 'enable', 'reserved'] as const;
const VERBOSITY = ['bios-default', 'quiet', 'verbose', 'reserved'] as const;

/** Boot option parameter 5 (IPMI 2.0, table 28-14). */
export interface BootFlags {
  /** Flags that are not valid are ignored. The BMC takes the mark away after the boot, or when 60 s pass without one. */
  readonly valid: boolean;
  /** For every boot from now on, not for the next one alone. */
  readonly persistent: boolean;
  readonly efi: boolean;
  /** Undefined: a code that the specification keeps for later. */
  readonly device: BootDevice | undefined;
  readonly clearCmos: boolean;
  readonly lockKeyboard: boolean;
  readonly screenBlank: boolean;
  readonly lockResetButton: boolean;
  readonly lockPowerButton: boolean;
  readonly lockSleepButton: boolean;
  readonly bypassPassword: boolean;
  readonly forceProgressTraps: boolean;
  readonly verbosity: (typeof VERBOSITY)[number];
  readonly consoleRedirection: (typeof CONSOLE_REDIRECTION)[number];
  /** Which of several devices: 0 for any. */
  readonly deviceInstance: number;
}

const SIZE = 5;

export function decodeBootFlags(bytes: Uint8Array): BootFlags {
  const view = new ByteView(bytes, 'the boot flags');
  const [one, two, three] = [view.u8(0), view.u8(1), view.u8(2)];
  return {
    valid: bit(one, 7),
    persistent: bit(one, 6),
    efi: bit(one, 5),
    device: nameOf(BOOT_DEVICE, (two >> 2) & 0x0f),
    clearCmos: bit(two, 7),
    lockKeyboard: bit(two, 6),
    screenBlank: bit(two, 1),
    lockResetButton: bit(two, 0),
    lockPowerButton: bit(three, 7),
    verbosity: VERBOSITY[(three >> 5) & 3]!,
    forceProgressTraps: bit(three, 4),
    bypassPassword: bit(three, 3),
    lockSleepButton: bit(three, 2),
    consoleRedirection: CONSOLE_REDIRECTION[three & 3]!,
    deviceInstance: view.u8(4) & 0x1f,
  };
}

/** What is left out is off, or the BIOS's own choice. */
export function encodeBootFlags(flags: Partial<BootFlags> & Pick<BootFlags, 'valid'>): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  bytes[0] = flag(flags.valid, 7) | flag(flags.persistent === true, 6) | flag(flags.efi === true, 5);
  bytes[1] =
    flag(flags.clearCmos === true, 7) |
    flag(flags.lockKeyboard === true, 6) |
    (BOOT_DEVICE[flags.device ?? 'none'] << 2) |
    flag(flags.screenBlank === true, 1) |
    flag(flags.lockResetButton === true, 0);
  bytes[2] =
    flag(flags.lockPowerButton === true, 7) |
    (VERBOSITY.indexOf(flags.verbosity ?? 'bios-default') << 5) |
    flag(flags.forceProgressTraps === true, 4) |
    flag(flags.bypassPassword === true, 3) |
    flag(flags.lockSleepButton === true, 2) |
    CONSOLE_REDIRECTION.indexOf(flags.consoleRedirection ?? 'bios-default');
  bytes[4] = within(flags.deviceInstance ?? 0, 0, 0x1f, 'the device instance');
  return bytes;
}
