import type { NsError, Verdict } from '../base/index.ts';
import type { KeyStore, PowerState } from '../ports/index.ts';
import type { Order } from '../protocol/index.ts';
import type { AdmittedOrder } from './desk.ts';
import type { CounterMemory, Journal } from './journal/index.ts';
import type { TaskServices } from './services.ts';
import type { TaskRegistry } from './task.ts';

interface Moment {
  readonly wallSeconds: number;
  readonly monotonic: number;
}

/** Judges whether an order is new and in time, and remembers the counters used. Pure: the clock is read here. */
export interface OrderFreshness extends CounterMemory {
  /** Seconds since 1970 that have surely passed. */
  readonly floor: number;
  judge(order: Order, now: Moment): Verdict<void>;
  /** The same without the counters: whether the order, once taken, may still begin. */
  inTime(order: Order, now: Moment): Verdict<void>;
}

/** Whether orders that were taken in earlier may still be obeyed: grants may have ended or been narrowed since. */
export interface OrderStanding {
  /** Whether the order may begin in this power state, or, with "later", begin at all. */
  begins(admitted: AdmittedOrder, power: PowerState | 'later'): Verdict<void>;
  /** Judges where on the volume the order really leads; undefined where no grant is for certain paths. */
  paths(admitted: AdmittedOrder): ((path: string) => Verdict<void>) | undefined;
}

export interface DeskOptions {
  readonly services: TaskServices;
  readonly journal: Journal;
  readonly freshness: OrderFreshness;
  readonly keyStore: KeyStore;
  readonly registry: TaskRegistry;
  /** Opens a journaled packet again: its key may have been revoked meanwhile. */
  readonly reopen: (packet: Uint8Array) => Verdict<AdmittedOrder>;
  /** Absent: all of them may. */
  readonly stands?: OrderStanding;
  readonly maxRunning: number;
  readonly maxOpen: number;
  /**
   * Told where own storage did not keep an order or its answer. What is in memory is then ahead of what is stored, so
   * the process must end; the next start answers what is open.
   */
  readonly onFatal: (error: NsError) => void;
}
