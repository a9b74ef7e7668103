import { SSTATUS } from '../registers/scr.ts';
import type { Generation, Level } from './level.ts';

export type Sleep = 'partial' | 'slumber';

/** Each phy has one timer; its name says what it waits for. */
export type PhyTimer = 'burst' | 'retry' | 'parked' | 'align' | 'rate' | 'acknowledge';

/** What no rule looks at: read by people, and left out when states are compared. */
export interface PhyShadow {
  /** Sticky, as SERROR lays it out. */
  readonly serror: number;
  readonly lastOob: 0 | 1 | 2;
  readonly unsolicited: boolean;
}

/** A port's machine at one moment, host or device side. Never changed in place. */
export interface Phy<S extends string> {
  readonly state: S;
  /** `off` without power, `offline` by order; both are silent and deaf. */
  readonly line: 'off' | 'run' | 'offline';
  readonly heard: Level;
  readonly sent: Level;
  /** Negotiated, or tried at present; 0 before. */
  readonly rate: 0 | Generation;
  /** Of the hardware, and as SControl caps it. */
  readonly capable: Generation;
  readonly fastest: Generation;
  /** As it was written last. */
  readonly scontrol: number;
  /** SControl.IPM: bit 0 refuses partial, bit 1 refuses slumber. */
  readonly denies: 0 | 1 | 2 | 3;
  /** Asked for by either side and not yet entered. */
  readonly asked: Sleep | null;
  /** Entered; stays until the phy is ready again, so that a wake is no loss. */
  readonly asleep: Sleep | null;
  /** Tries since the phy was last ready, saturated at PhyTimings.parkAfter. */
  readonly retries: number;
  /** COMINIT (host side) or COMRESET (device side) since the last reset of this port. */
  readonly seen: boolean;
  readonly timer: PhyTimer | null;
  readonly shadow: PhyShadow;
}

/** The control lines of a port, by which PTTRSM or SControl drives it, and the requests of power management. */
export type PhyLine =
  | 'RUN'
  | 'OFF'
  | 'OFFLINE'
  | 'FORCE_RESET'
  | 'HOLD_RESET'
  | 'RELEASE'
  | 'FORCE_COMINIT'
  | 'partial'
  | 'slumber'
  | 'wake';

export type PhyEvent =
  | { readonly is: 'level'; readonly level: Level }
  | { readonly is: 'timer' }
  | { readonly is: 'line'; readonly line: PhyLine };

/**
 * `seen`: first COMINIT since the port's reset. `up`: PhyRdy. `lost`: PhyRdy gone. `exchanged`: gone by an unsolicited
 * COMINIT. `COMRESET`: the host above resets this device port (`lost` follows where it was up).
 */
export type PhyNotice = 'seen' | 'up' | 'lost' | 'exchanged' | 'COMRESET';

export function newPhy<S extends string>(state: S, fastest: Generation): Phy<S> {
  return {
    state,
    line: 'off',
    heard: 'idle',
    sent: 'idle',
    rate: 0,
    capable: fastest,
    fastest,
    scontrol: 0,
    denies: 0,
    asked: null,
    asleep: null,
    retries: 0,
    seen: false,
    timer: null,
    shadow: { serror: 0, lastOob: 0, unsolicited: false },
  };
}

/** SStatus as this phy shows it. */
export function sstatusOf(phy: Phy<string>, up: boolean): number {
  if (phy.line === 'offline') return SSTATUS.encode({ det: 4 });
  if (up) return SSTATUS.encode({ det: 3, spd: phy.rate, ipm: IPM[phy.asleep ?? 'active'] });
  return SSTATUS.encode({ det: phy.line === 'run' && phy.seen ? 1 : 0 });
}

const IPM = { active: 1, partial: 2, slumber: 6 } as const;

/** A write to SError: each 1 clears its bit. */
export function clearSerror<S extends string>(phy: Phy<S>, ones: number): Phy<S> {
  return { ...phy, shadow: { ...phy.shadow, serror: (phy.shadow.serror & ~ones) >>> 0 } };
}
