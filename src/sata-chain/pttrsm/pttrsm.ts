import type { UnitOrder, UnitRecord } from '../unit/orders.ts';
import type { ChainFault } from './judge.ts';
import type { Side } from './side.ts';

/** T0 power on, T1 discover, T2 merge, T2H hold, T3 present, T4 run, T5 resync, T6 fault, T7 disabled, T8 owned by the BMC, T9 hand back. */
export type TState = 'T0' | 'T1' | 'T2' | 'T2H' | 'T3' | 'T4' | 'T5' | 'T6' | 'T7' | 'T8' | 'T9';

export type UnitTimer =
  /** T_absent or T_spin of a side. */
  | 'local'
  | 'below'
  | 'hold'
  | 'hand back'
  /** A member that was lost may come back unchanged within this, and nobody above is told. */
  | 'resync'
  /** The least time to the next COMINIT upward. */
  | 'pace'
  /** So long without a COMINIT upward, and the count of them begins anew. */
  | 'calm'
  /** A second COMRESET within this goes down. */
  | 'resets';

/** The unit's own machine at one moment. Never changed in place; every part of it is small and can be compared. */
export interface Pttrsm {
  readonly state: TState;
  readonly record: UnitRecord;
  /** The record is not yet known to be durable. */
  readonly unsaved: boolean;
  readonly local: Side;
  readonly below: Side;
  /** What the last signature stood for, while the host has not been told otherwise. */
  readonly presented: string | null;
  /** Is part of what was accepted last: its loss is a change. */
  readonly uses: { readonly local: boolean; readonly below: boolean };
  /** Shown once as a whole since power on: from now on members that are lost may leave holes, where the record allows it. */
  readonly settled: boolean;
  /** The signature went up since the link above came up. */
  readonly signed: boolean;
  /** The host may have stopped waiting: only a COMINIT makes it look again. */
  readonly unheeded: boolean;
  /** A COMINIT upward waits for `pace`. */
  readonly due: boolean;
  /** COMINITs sent upward since the last calm, saturated at the number that may go at full rate. */
  readonly calls: number;
  readonly resets: 'none' | 'one' | 'passed';
  readonly fault: ChainFault | null;
  readonly missing: 'local' | 'below' | null;
  readonly changed: boolean;
  /** Timers that run. */
  readonly timers: { readonly [K in UnitTimer]: boolean };
  readonly ptiUp: boolean;
  readonly ptoUp: boolean;
  /** The port has seen COMINIT since its last COMRESET. */
  readonly seen: { readonly local: boolean; readonly below: boolean };
}

export type TEvent =
  | 'power good'
  | 'saved'
  | 'pti up'
  | 'pti lost'
  | 'COMRESET'
  | 'flushed'
  | 'hold over'
  | 'hand back over'
  | 'pace over'
  | 'resync over'
  /** An unsolicited COMINIT on PTO: the unit below says that its disk is another one. */
  | 'told from below'
  | 'at once'
  | `order ${UnitOrder}`;

export type TGuard =
  | 'locked'
  | 'unlocked'
  | 'both settled'
  | 'a side is open'
  | 'faulty'
  | 'missing'
  | 'must call'
  | 'host is away'
  | 'may sign'
  | 'signed'
  | 'a member is open'
  | 'something arrived'
  | 'a stranger arrived'
  | 'goes down'
  | 'may revive'
  | 'gap is here'
  | 'acceptable'
  | 'call is due'
  | 'below is used'
  | 'keeps places';

export type TAct =
  | 'raise epoch'
  | 'run all'
  | 'silence all'
  | 'hide'
  | 'show'
  | 'look anew'
  | 'reset down'
  | 'count reset'
  | 'note fault'
  | 'note missing'
  | 'accept'
  | 'agree'
  | 'lock'
  | 'unlock'
  | 'call if presented'
  | 'call'
  | 'call now'
  | 'host stops waiting'
  | 'host begins anew'
  | 'sign'
  | 'settled'
  | 'changed'
  | 'refuse arrival'
  | 'flush'
  | 'start hold'
  | 'leave holes'
  | 'stop hold'
  | 'start hand back'
  | 'stop hand back'
  | 'start resync'
  | 'stop resync'
  | 'forget';

export interface TRow {
  readonly from: readonly TState[];
  readonly on: TEvent;
  readonly guard?: TGuard;
  readonly do?: readonly TAct[];
  readonly to: TState | 'same';
}

/** What PTTRSM makes others do. Lines go to the port machines at once. */
export type TOutput =
  | {
      readonly is: 'line';
      readonly port: 'pti' | 'pto' | 'ddi';
      readonly line: 'RUN' | 'OFFLINE' | 'FORCE_RESET' | 'FORCE_COMINIT';
    }
  | { readonly is: 'signature' }
  | { readonly is: 'identify'; readonly port: 'pto' | 'ddi' }
  | { readonly is: 'timer'; readonly timer: UnitTimer; readonly wait: UnitWait }
  | { readonly is: 'stop'; readonly timer: UnitTimer }
  | { readonly is: 'persist'; readonly record: UnitRecord }
  | { readonly is: 'flush' };

/** The name of a length in UnitTimings. */
export type UnitWait =
  | 'absent'
  | 'spin'
  | 'hold'
  | 'handBack'
  | 'resync'
  | 'cominitGap'
  | 'cominitBackoff'
  | 'cominitCalm'
  | 'resetWindow';
