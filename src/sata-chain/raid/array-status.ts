import type { Lba, SectorRange } from '../target.ts';
import type { ArrayCore } from './array-core.ts';
import type { TimedArrayEvent } from './array-events.ts';
import { type ArrayRole, capacityOf, type MemberState, type MirrorSet } from './array-table.ts';

/**
 * R0 healthy; R1 degraded: a mirror has one copy and nothing is being done about it; R2 copying; R3 swapping: the
 * copy is whole and the registers are about to change. `down`: a stretch has no live copy.
 */
export type ArrayState = 'healthy' | 'degraded' | 'copying' | 'swapping' | 'down';

/** For `chain.status`. LBAs are the array's unless called raw. */
export interface ArrayStatus {
  readonly array: string;
  readonly state: ArrayState;
  readonly sectors: number;
  readonly sectorSize: number;
  readonly stretches: readonly {
    readonly logicalBase: Lba;
    readonly length: number;
    readonly copies: readonly string[];
    readonly lost: readonly string[];
  }[];
  readonly members: readonly {
    readonly unit: string;
    readonly serial: string;
    readonly role: ArrayRole;
    readonly state: MemberState;
    readonly raw: SectorRange;
    readonly readFaults: number;
    readonly writeFaults: number;
  }[];
  readonly copy?: {
    readonly kind: 'rebuild' | 'relocate';
    readonly source: string;
    readonly target: string;
    readonly sectors: number;
    /** Sectors copied, and how many of them a restart will find. */
    readonly done: number;
    readonly durable: number;
    /** Regions written meanwhile, to be copied again. */
    readonly changedRegions: number;
    /** Bytes a second, pauses included; absent before it is known. */
    readonly rate?: number;
    /** At that rate, what was changed not counted. */
    readonly secondsLeft?: number;
  };
  /** Regions that an unclean stop or a failed write left to be made equal. */
  readonly unequalRegions: number;
  readonly unreadableSectors: number;
  /** Oldest first. */
  readonly events: readonly TimedArrayEvent[];
}

export function arrayStatus(core: ArrayCore, rate: number | undefined): ArrayStatus {
  const { table, sets } = core;
  return {
    array: table.array,
    state: stateOf(core),
    sectors: capacityOf(table),
    sectorSize: table.sectorSize,
    stretches: sets.map(({ logicalBase, length, copies, lost }) => ({
      logicalBase,
      length,
      copies: copies.map(({ unit }) => unit),
      lost: lost.map(({ unit }) => unit),
    })),
    members: table.registers.map(({ unit, serial, role, state, window }) => ({
      unit,
      serial,
      role,
      state,
      raw: window,
      ...core.health(unit),
    })),
    ...copyStatus(core, rate),
    unequalRegions: core.unequal.size + (core.resyncing === undefined ? 0 : 1),
    unreadableSectors: table.unreadable.reduce((sum, { count }) => sum + count, 0),
    events: core.events.events,
  };
}

function stateOf(core: ArrayCore): ArrayState {
  const { progress, sets } = core;
  const short = (set: MirrorSet): boolean => set.lost.length > 0;
  if (sets.some(({ copies }) => copies.length === 0)) return 'down';
  if (progress !== undefined) {
    const whole = progress.cursor >= progress.order.logicalBase + progress.order.length;
    return whole && progress.changed.size === 0 && progress.recopying === undefined ? 'swapping' : 'copying';
  }
  return sets.some(short) ? 'degraded' : 'healthy';
}

function copyStatus(core: ArrayCore, rate: number | undefined): Pick<ArrayStatus, 'copy'> | undefined {
  const { progress } = core;
  if (progress === undefined) return undefined;
  const { kind, source, target, length, logicalBase } = progress.order;
  const done = progress.cursor - logicalBase;
  const left = (length - done) * core.sectorSize;
  return {
    copy: {
      kind,
      source,
      target,
      sectors: length,
      done,
      durable: progress.durableCursor - logicalBase,
      changedRegions: progress.changed.size,
      ...(rate === undefined || rate <= 0 ? {} : { rate, secondsLeft: Math.ceil(left / rate) }),
    },
  };
}
