import { sentenceOf } from '../../base/index.ts';
import type { Lba, SataTarget, SectorRange } from '../target.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';
import { WorkUnderWay } from '../unit/work-under-way.ts';
import { type ArrayEvent, EventRing } from './array-events.ts';
import type { ArrayStore } from './array-store.ts';
import {
  type ArrayTable,
  isLive,
  type MappingRegister,
  type MirrorSet,
  registerOf,
  setsOf,
} from './array-table.ts';
import type { CopyProgress } from './copy-progress.ts';
import { followTable } from './copy-progress.ts';
import type { IntentMap } from './intent-map.ts';
import { overlaps, piecesOf } from './mapping.ts';
import { RangeLock } from './range-lock.ts';
import { failUnit } from './table-changes.ts';

/** The chain below an array. */
export interface RawChain {
  /** All members one behind another, each at its fixed window. A window whose drive is gone gives LINK faults. */
  readonly target: SataTarget;
  /** The commands that have no LBA, for one member alone: a dead member must not spoil them for the others. */
  member(unit: string): Pick<SataTarget, 'flush' | 'smartStatus'>;
}

export interface ArrayLimits {
  /** How long a copy may lag behind the one that was first. Then it is failed. */
  readonly writeLag: Nanoseconds;
  readonly readLag: Nanoseconds;
  readonly flushLag: Nanoseconds;
  /** Read faults after which a unit is failed; one without an answer counts as eight. */
  readonly readFaults: number;
}

export const DEFAULT_LIMITS: ArrayLimits = {
  writeLag: millis(8000),
  readLag: millis(4000),
  flushLag: millis(30_000),
  readFaults: 64,
};

export interface MemberHealth {
  readFaults: number;
  writeFaults: number;
}

const EVENTS_KEPT = 32;
const REPAIRS_WAITING = 64;

/**
 * What the parts of an open array share: the table and its durable changes, the range lock, the write-intent map, and
 * what is known to differ. All changes of the table go through `change`, one at a time, durable before they count.
 */
export class ArrayCore {
  readonly chain: RawChain;
  readonly scheduler: Scheduler;
  readonly limits: ArrayLimits;
  readonly sectorSize: number;
  readonly intent: IntentMap;
  readonly lock = new RangeLock();
  readonly store: ArrayStore;
  /** Regions in which live copies of one stretch may differ: read only in a way that makes them equal. */
  readonly unequal = new Set<number>();
  /** Ranges with a bad sector on one copy, to be written anew from the other. */
  readonly repairs: SectorRange[] = [];
  readonly events = new EventRing(EVENTS_KEPT);
  /** One of the regions taken out of `unequal`, which is being made equal. */
  resyncing: number | undefined;
  progress: CopyProgress | undefined;
  /** The host's commands: how many are under way, and how long the last ones took. */
  readonly load: { inFlight: number; latency: Nanoseconds | undefined } = { inFlight: 0, latency: undefined };
  /** Called whenever there may be something to copy. */
  kick: () => void = () => {};
  /** Called whenever a write-intent bit may have been set. */
  wrote: () => void = () => {};
  readonly #health = new Map<string, MemberHealth>();
  readonly #onEvent: (event: ArrayEvent) => void;
  #table: ArrayTable;
  #sets: readonly MirrorSet[];
  #changes: Promise<void> = Promise.resolve();
  readonly #writes = new Map<string, WorkUnderWay>();
  #broken: unknown;

  constructor(parts: {
    readonly chain: RawChain;
    readonly scheduler: Scheduler;
    readonly limits: ArrayLimits;
    readonly store: ArrayStore;
    readonly table: ArrayTable;
    readonly intent: IntentMap;
    readonly onEvent: (event: ArrayEvent) => void;
  }) {
    this.chain = parts.chain;
    this.scheduler = parts.scheduler;
    this.limits = parts.limits;
    this.store = parts.store;
    this.intent = parts.intent;
    this.#onEvent = parts.onEvent;
    this.#table = parts.table;
    this.#sets = setsOf(parts.table);
    this.sectorSize = parts.table.sectorSize;
    this.progress = followTable(undefined, parts.table, parts.store);
  }

  get table(): ArrayTable {
    return this.#table;
  }

  get sets(): readonly MirrorSet[] {
    return this.#sets;
  }

  setAt(lba: Lba): MirrorSet {
    return piecesOf(this.#sets, lba, 1)[0]!.set;
  }

  /** The copy under way of this stretch. */
  progressOn(set: MirrorSet): CopyProgress | undefined {
    return this.progress?.order.logicalBase === set.logicalBase ? this.progress : undefined;
  }

  register(unit: string): MappingRegister | undefined {
    return registerOf(this.#table, unit);
  }

  isLive(unit: string): boolean {
    return isLive(this.#table, unit);
  }

  /** What a unit was really given to write, also where nobody waits for it any more. */
  writesOf(unit: string): WorkUnderWay {
    let writes = this.#writes.get(unit);
    if (writes === undefined) {
      writes = new WorkUnderWay();
      this.#writes.set(unit, writes);
    }
    return writes;
  }

  health(unit: string): MemberHealth {
    let health = this.#health.get(unit);
    if (health === undefined) {
      health = { readFaults: 0, writeFaults: 0 };
      this.#health.set(unit, health);
    }
    return health;
  }

  say(event: ArrayEvent): void {
    this.events.add({ ...event, at: this.scheduler.now() });
    this.#onEvent(event);
  }

  /**
   * Changes the table; durable on return. True where it changed. Where own storage fails nothing can be promised any
   * more: this and every later change throws, and with it every write that depends on one.
   */
  change(make: (table: ArrayTable) => ArrayTable): Promise<boolean> {
    const done = this.#changes.then(async () => {
      if (this.#broken !== undefined) throw this.#broken;
      const next = make(this.#table);
      if (next === this.#table) return false;
      try {
        await this.store.saveTable(next);
      } catch (error) {
        this.#broken = error;
        this.say({ kind: 'state-lost', why: sentenceOf(error) });
        throw error;
      }
      this.#apply(next);
      return true;
    });
    this.#changes = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** R0 to R1: durable on return, or not done because it is the last that holds its stretch. */
  async fail(unit: string, why: string): Promise<void> {
    if (this.register(unit)?.role === 'failed') return;
    if (await this.change((table) => failUnit(table, unit))) this.say({ kind: 'member-failed', unit, why });
  }

  /** A write ended badly or unknown and its copies may differ now. */
  mayDiffer(range: SectorRange): void {
    const set = this.setAt(range.lba);
    const regions = this.intent.regionsOf(range);
    if (set.copies.length > 1) for (const region of regions) this.unequal.add(region);
    const progress = this.progressOn(set);
    if (progress !== undefined && range.lba < progress.cursor) {
      for (const region of regions) progress.changed.add(region);
    }
    this.kick();
  }

  isUnequal(range: SectorRange): boolean {
    if (this.unequal.size === 0 && this.resyncing === undefined) return false;
    return this.intent
      .regionsOf(range)
      .some((region) => this.unequal.has(region) || this.resyncing === region);
  }

  /** True where the write-intent bit must stay. */
  readonly holds = (region: number): boolean =>
    this.unequal.has(region) ||
    this.resyncing === region ||
    this.progress?.changed.has(region) === true ||
    this.progress?.recopying === region;

  /** The first sector of the range that nobody holds rightly. */
  firstUnreadable(range: SectorRange): Lba | undefined {
    const bad = this.#table.unreadable.find((one) => overlaps(one, range));
    return bad === undefined ? undefined : Math.max(bad.lba, range.lba);
  }

  /** Asks for a range to be read from whichever copy can and written to the other. */
  repair(range: SectorRange): void {
    if (this.repairs.length >= REPAIRS_WAITING) return;
    this.repairs.push(range);
    this.kick();
  }

  #apply(next: ArrayTable): void {
    const before = this.progress;
    this.#table = next;
    this.#sets = setsOf(next);
    this.progress = followTable(before, next, this.store);
    if (before !== undefined && this.progress === undefined && this.isLive(before.order.target)) {
      // Swapped: what the copy still lacked after a failed write is now a difference between two live copies.
      const { copies } = this.setAt(before.order.logicalBase);
      if (copies.length > 1) for (const region of before.changed) this.unequal.add(region);
    }
    this.kick();
  }
}
