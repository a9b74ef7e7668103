import type { UnitOrder } from '../../../src/sata-chain/unit/orders.ts';

/** What the world may do to a chain. */
export interface Menu {
  /** Kinds that may be put into each bay; it may always be emptied where there is any. */
  readonly drives: readonly (readonly number[])[];
  /** Links whose cables come off and on. */
  readonly cables: readonly number[];
  /** Links whose signals are lost for a moment. */
  readonly glitches: readonly number[];
  /** Units whose power goes and comes. */
  readonly power: readonly number[];
  readonly hostPower: boolean;
  readonly hostReset: boolean;
  /** Orders that each unit may be given. */
  readonly orders: readonly (readonly UnitOrder[])[];
}

export interface ChainOptions {
  readonly units: number;
  readonly menu: Menu;
  /** Disturbances between two rests; Infinity for any number, at any moment. */
  readonly disturbances: number;
  /** A timer may be over at any moment, rather than after everything that is much faster. */
  readonly anyTime: boolean;
  /**
   * Which of the signals under way at one moment may come first: any, or only those of the unit nearest to the host, or
   * farthest from it, or of either.
   */
  readonly order: 'any' | 'head' | 'tail' | 'ends';
  /** Units without any history, or all that know each other and are switched off. */
  readonly start: 'blank' | 'enrolled';
}
