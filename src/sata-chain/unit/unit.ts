import type { DevicePhyState } from '../phy/device-phy.ts';
import type { HostPhyState } from '../phy/host-phy.ts';
import type { Generation, Level } from '../phy/level.ts';
import { newPhy, type Phy, type PhyTimer, type Sleep } from '../phy/phy.ts';
import type { Found } from '../pttrsm/found.ts';
import type { Pttrsm, UnitTimer } from '../pttrsm/pttrsm.ts';
import { newPttrsm } from '../pttrsm/step.ts';
import type { Nanoseconds } from '../time.ts';
import type { UnitOrder, UnitRecord } from './orders.ts';

export type Port = 'pti' | 'pto' | 'ddi';

/** A whole PTDDC at one moment: three port machines and PTTRSM. Plain, immutable, and equal states are equal values. */
export interface Unit {
  readonly power: boolean;
  readonly pti: Phy<DevicePhyState>;
  readonly pto: Phy<HostPhyState>;
  readonly ddi: Phy<HostPhyState>;
  readonly t: Pttrsm;
}

/** A port's timer, named after the port, or one of PTTRSM's. */
export type TimerSlot = Port | UnitTimer;

export type UnitInput =
  /** `record` is what the unit's memory holds: all that outlives a loss of power. */
  | { readonly is: 'power'; readonly on: true; readonly record: UnitRecord }
  | { readonly is: 'power'; readonly on: false }
  | { readonly is: 'level'; readonly port: Port; readonly level: Level }
  | { readonly is: 'signature'; readonly port: 'pto' | 'ddi' }
  /** The answer to `identify`; undefined where there was none or it contradicts itself. */
  | { readonly is: 'identity'; readonly port: 'pto' | 'ddi'; readonly found: Found | undefined }
  | { readonly is: 'timer'; readonly timer: TimerSlot }
  | { readonly is: 'order'; readonly order: UnitOrder }
  /** The head names the chain that this unit belongs to. */
  | { readonly is: 'enrol'; readonly chain: string }
  /** Whether lost members keep their places; kept in the record. */
  | { readonly is: 'places'; readonly keep: boolean }
  /** The last record that was given out is durable. */
  | { readonly is: 'saved' }
  | { readonly is: 'flushed' }
  | { readonly is: 'sleep'; readonly port: Port; readonly depth: Sleep }
  | { readonly is: 'wake'; readonly port: Port }
  /** A write to a port's SControl. */
  | { readonly is: 'scontrol'; readonly port: Port; readonly value: number };

export type UnitOutput =
  | { readonly is: 'transmit'; readonly port: Port; readonly level: Level }
  /** On PTI. Goes after the levels before it, on the same wire. */
  | { readonly is: 'signature' }
  /** Ask the device at this port who it is; replaces a question that is still open there. */
  | { readonly is: 'identify'; readonly port: 'pto' | 'ddi' }
  /** Replaces one that runs in the same slot. */
  | {
      readonly is: 'start';
      readonly timer: TimerSlot;
      readonly after: Nanoseconds;
      readonly name: PhyTimer | UnitTimer;
    }
  | { readonly is: 'stop'; readonly timer: TimerSlot }
  | { readonly is: 'persist'; readonly record: UnitRecord }
  /** Commands given from above, or by the management controller, are no longer served: those in flight fail as ABORTED. */
  | { readonly is: 'abort'; readonly scope: 'host' | 'bmc' }
  /** Let commands in flight end, then FLUSH CACHE on all members, then say `flushed`. */
  | { readonly is: 'flush' }
  | { readonly is: 'refused'; readonly what: UnitOrder | 'enrol' };

/** Without power. `fastest` caps each port's rate. */
export function newUnit(record: UnitRecord, fastest: { readonly [P in Port]?: Generation } = {}): Unit {
  return {
    power: false,
    pti: newPhy('DP1', fastest.pti ?? 3),
    pto: newPhy('HP1', fastest.pto ?? 3),
    ddi: newPhy('HP1', fastest.ddi ?? 3),
    t: newPttrsm(record),
  };
}

/** The unit without what only people read: two units that differ in nothing else behave alike. */
export function withoutShadows(unit: Unit): Unit {
  const shadow = { serror: 0, lastOob: 0, unsolicited: false } as const;
  return {
    ...unit,
    pti: { ...unit.pti, shadow },
    pto: { ...unit.pto, shadow },
    ddi: { ...unit.ddi, shadow },
  };
}
