import { NsError } from '../../base/index.ts';
import { LBA_LIMIT } from '../ata/identify-words.ts';
import type { Lba } from '../target.ts';

/**
 * Mapping registers of a unit. Relative: its drive serves [0, length), and LBA - length goes below; every PTI is then a
 * plain disk from 0. Absolute: its drive serves [base, base + length), and every other LBA goes below unchanged.
 */
export type Window =
  | { readonly mode: 'relative' /** All of the drive by default. */; readonly length?: number }
  | { readonly mode: 'absolute'; readonly base: Lba; readonly length: number };

/** A window as the router uses it: the drive serves [low, high), what goes below is `shift` less, addresses end at `top`. */
export interface Borders {
  readonly low: Lba;
  readonly high: Lba;
  readonly shift: number;
  readonly top: Lba;
}

/** Throws NS_CHAIN_WINDOW where the drive cannot fill the window, or its end is beyond 48-bit addresses. */
export function bordersOf(window: Window, localSectors: number, sectorsBelow: number): Borders {
  const length = window.length ?? localSectors;
  const base = window.mode === 'absolute' ? window.base : 0;
  const sane = [base, length].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!sane || length > localSectors || base + length >= LBA_LIMIT) {
    throw new NsError(
      'NS_CHAIN_WINDOW',
      `a drive of ${localSectors} sectors cannot serve ${length} sectors from LBA ${base}`,
      { family: 'caller' },
    );
  }
  return window.mode === 'relative'
    ? { low: 0, high: length, shift: length, top: length + sectorsBelow }
    : { low: base, high: base + length, shift: 0, top: Math.max(base + length, sectorsBelow) };
}
