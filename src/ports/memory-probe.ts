import type { Verdict } from '../base/index.ts';
import type { PowerState } from './host-power.ts';

export interface MemoryRange {
  /** Physical byte address. */
  readonly start: number;
  readonly length: number;
}

export interface DimmSlot {
  readonly slot: string;
  readonly populated: boolean;
  /** Ranges of host memory on this module, where known. */
  readonly range?: MemoryRange;
}

/** Reaching the host's memory while it is down. Most boards reach SPD only; some reach DRAM on a standby rail. */
export interface MemoryProbe {
  /** What can be reached in this power state, and the sentence that says why not. */
  reach(state: PowerState): { readonly dram: Verdict<readonly MemoryRange[]>; readonly spd: Verdict<void> };
  slots(signal?: AbortSignal): Promise<readonly DimmSlot[]>;
  /** The slot's SPD EEPROM, whole. */
  readSpd(slot: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Native words, little endian. `address` and `into` in bytes, multiples of 8. */
  read(address: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  write(address: number, data: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * Where the board can do it by itself: one March element over the range, word by word in the given order, all
   * operations on a word before the next word. Without it, the same is done by single reads and writes, slowly.
   */
  sweep?(
    range: MemoryRange,
    order: 'up' | 'down',
    operations: readonly MarchOperation[],
    signal?: AbortSignal,
  ): Promise<MarchFindings>;
}

/** Write this word, or read and expect it. The word has 8 bytes. */
export interface MarchOperation {
  readonly do: 'read' | 'write';
  readonly word: Uint8Array;
}

export interface MarchMismatch {
  readonly address: number;
  readonly expected: Uint8Array;
  readonly actual: Uint8Array;
}

export interface MarchFindings {
  /** The first mismatches, at most 8192: every word of 64 KiB. */
  readonly mismatches: readonly MarchMismatch[];
  /** All mismatches. */
  readonly count: number;
}
