import type { ChainFault } from '../pttrsm/judge.ts';
import type { TState } from '../pttrsm/pttrsm.ts';
import { register } from '../registers/layout.ts';

/** By their number in the status register. Only ever added to, at the end. */
export const STATE_NUMBERS = [
  'T0',
  'T1',
  'T2',
  'T2H',
  'T3',
  'T4',
  'T5',
  'T6',
  'T7',
  'T8',
  'T9',
] as const satisfies readonly TState[];

/** Why a unit shows nothing: members are missing (T2H), or are not what they were (T6). */
export type UnitReason = 'none' | 'missing-local' | 'missing-below' | ChainFault;

/** By their number in the status register. Only ever added to, at the end. */
export const REASON_NUMBERS = [
  'none',
  'missing-local',
  'missing-below',
  'other-drive',
  'drive-size',
  'sector-size',
  'drive-inserted',
  'chain-shrunk',
  'order-changed',
  'foreign-chain',
  'too-many-sectors',
  'too-many-units',
] as const satisfies readonly UnitReason[];

/** The unit's status: its PTTRSM, why it shows nothing, and the order given last. */
export const STATUS = register({
  state: [3, 0],
  /** An order is being worked on. */
  busy: 4,
  /** The last order was not one for the state that it found. Cleared by the next. */
  refused: 5,
  locked: 6,
  enrolled: 7,
  reason: [15, 8],
});

export const numberOfState = (state: TState): number => STATE_NUMBERS.indexOf(state);
export const numberOfReason = (reason: UnitReason): number => REASON_NUMBERS.indexOf(reason);

/** A state that no table here knows is one that shows nothing. */
export const stateOfNumber = (number: number): TState => STATE_NUMBERS[number] ?? 'T0';
export const reasonOfNumber = (number: number): UnitReason => REASON_NUMBERS[number] ?? 'none';
