import { ByteView } from '../../base/index.ts';
import { bit, flag } from '../wire/bits.ts';
import { type BootFlags, decodeBootFlags, encodeBootFlags } from './boot-flags.ts';

/** Boot option parameters by number (IPMI 2.0, table 28-14). */
export const BOOT_PARAMETER = {
  setInProgress: 0,
  servicePartitionSelector: 1,
  servicePartitionScan: 2,
  validBitClearing: 3,
  infoAcknowledge: 4,
  bootFlags: 5,
  initiatorInfo: 6,
  initiatorMailbox: 7,
} as const;

const PROGRESS = ['complete', 'in-progress', 'commit-write', 'reserved'] as const;
export type SetInProgress = (typeof PROGRESS)[number];

/** When the BMC leaves the mark "valid" on the boot flags although it would take it away. */
export interface ValidBitKept {
  readonly onPefReset: boolean;
  readonly after60s: boolean;
  readonly onWatchdog: boolean;
  readonly onResetButton: boolean;
  readonly onPowerButton: boolean;
}

/** A boot option, read; the rest is left as it came. */
export type BootOption =
  | { readonly is: 'set-in-progress'; readonly progress: SetInProgress }
  | { readonly is: 'valid-bit-clearing'; readonly kept: ValidBitKept }
  | { readonly is: 'info-acknowledge'; readonly mask: number; readonly acknowledged: number }
  | { readonly is: 'boot-flags'; readonly flags: BootFlags }
  | { readonly is: 'other'; readonly parameter: number; readonly data: Uint8Array };

export function decodeBootOption(parameter: number, data: Uint8Array): BootOption {
  const view = new ByteView(data, `boot option parameter ${parameter}`);
  switch (parameter) {
    case BOOT_PARAMETER.setInProgress:
      return { is: 'set-in-progress', progress: PROGRESS[view.u8(0) & 3]! };
    case BOOT_PARAMETER.validBitClearing: {
      const byte = view.u8(0);
      const kept = {
        onPefReset: bit(byte, 4),
        after60s: bit(byte, 3),
        onWatchdog: bit(byte, 2),
        onResetButton: bit(byte, 1),
        onPowerButton: bit(byte, 0),
      };
      return { is: 'valid-bit-clearing', kept };
    }
    case BOOT_PARAMETER.infoAcknowledge:
      return { is: 'info-acknowledge', mask: view.u8(0), acknowledged: view.u8(1) };
    case BOOT_PARAMETER.bootFlags:
      return { is: 'boot-flags', flags: decodeBootFlags(data) };
    default:
      return { is: 'other', parameter, data };
  }
}

export function encodeBootOption(option: BootOption): {
  readonly parameter: number;
  readonly data: Uint8Array;
} {
  switch (option.is) {
    case 'set-in-progress':
      return {
        parameter: BOOT_PARAMETER.setInProgress,
        data: Uint8Array.of(PROGRESS.indexOf(option.progress)),
      };
    case 'valid-bit-clearing': {
      const { onPefReset, after60s, onWatchdog, onResetButton, onPowerButton } = option.kept;
      const byte =
        flag(onPefReset, 4) |
        flag(after60s, 3) |
        flag(onWatchdog, 2) |
        flag(onResetButton, 1) |
        flag(onPowerButton, 0);
      return { parameter: BOOT_PARAMETER.validBitClearing, data: Uint8Array.of(byte) };
    }
    case 'info-acknowledge':
      return {
        parameter: BOOT_PARAMETER.infoAcknowledge,
        data: Uint8Array.of(option.mask, option.acknowledged),
      };
    case 'boot-flags':
      return { parameter: BOOT_PARAMETER.bootFlags, data: encodeBootFlags(option.flags) };
    case 'other':
      return { parameter: option.parameter, data: option.data };
  }
}
