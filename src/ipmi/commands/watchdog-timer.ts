import { bit, flag, nameOf } from '../wire/bits.ts';

export const WATCHDOG_USE = { 'bios-frb2': 1, 'bios-post': 2, 'os-load': 3, 'sms-os': 4, oem: 5 } as const;
export type WatchdogUse = keyof typeof WATCHDOG_USE;

export const WATCHDOG_ACTION = { none: 0, 'hard-reset': 1, 'power-down': 2, 'power-cycle': 3 } as const;
export type WatchdogAction = keyof typeof WATCHDOG_ACTION;

export const PRE_TIMEOUT_INTERRUPT = { none: 0, smi: 1, nmi: 2, messaging: 3 } as const;
export type PreTimeoutInterrupt = keyof typeof PRE_TIMEOUT_INTERRUPT;

/** One count of the timer is 100 ms. */
export const COUNT_MS = 100;

const USES = Object.keys(WATCHDOG_USE) as WatchdogUse[];

/** One bit a use, in the byte of expiration flags. */
export const encodeUses = (uses: readonly WatchdogUse[]): number =>
  uses.reduce((byte, use) => byte | flag(true, WATCHDOG_USE[use]), 0);

export const decodeUses = (byte: number): readonly WatchdogUse[] =>
  USES.filter((use) => bit(byte, WATCHDOG_USE[use]));

export const useIn = (byte: number): WatchdogUse | undefined => nameOf(WATCHDOG_USE, byte & 7);
