import type { Generation, Level } from './level.ts';
import type { Phy, PhyLine, PhyTimer } from './phy.ts';

/** What a row waits for: something heard (true for as long as it is heard), the timer, a control line, or nothing. */
export type Trigger =
  | 'COMINIT'
  | 'no COMINIT'
  | 'COMWAKE'
  | 'no COMWAKE'
  | 'ALIGN'
  | 'ALIGN at this rate'
  | 'ALIGN at another rate'
  | 'SYNC'
  | 'SYNC at this rate'
  | 'loss'
  | 'PMREQ'
  | 'PMACK'
  | 'PMNAK'
  | 'timer'
  | 'at once'
  | Exclude<PhyLine, 'RUN' | 'OFF' | 'OFFLINE'>;

export type Guard = 'wanted partial' | 'wanted slumber' | 'sleep allowed' | 'was asleep' | 'slower rate left';

/** X, N and W set bits of SError; `N if asleep` only where a sleep ends without PhyRdy. */
export type Act =
  | 'X'
  | 'N'
  | 'N if asleep'
  | 'W'
  | 'count'
  | 'take rate'
  | 'fastest rate'
  | 'slower rate'
  | 'ask partial'
  | 'ask slumber'
  | 'take request'
  | 'forget request'
  | 'unsolicited'
  | 'COMRESET'
  | 'ready'
  | 'fall asleep'
  | 'no timer';

/** One line of a state table. Rows are tried in order; the first that fits is taken. */
export interface PhyRow<S extends string> {
  readonly from: S | readonly S[] | 'any';
  readonly on: Trigger;
  readonly guard?: Guard;
  readonly do?: readonly Act[];
  readonly to: S;
}

/** What a state sends on entry and how long it lasts. `keep` leaves the timer as it runs. */
export interface PhyEntry {
  readonly send: 'idle' | 'COMINIT' | 'COMWAKE' | 'D10.2' | 'ALIGN' | 'SYNC' | 'PMREQ' | 'PMACK' | 'PMNAK';
  readonly timer?: PhyTimer | 'retry or parked' | 'keep';
  /** The handshake starts anew: nothing of a sleep is left. */
  readonly fresh?: true;
  /** Also forgets that the partner was seen. */
  readonly unseen?: true;
}

export interface PhyTable<S extends string> {
  /** The state in which a port that is told to RUN begins. */
  readonly initial: S;
  readonly entry: Readonly<Record<S, PhyEntry>>;
  /** PhyRdy, active or on the way to sleep. */
  readonly ready: ReadonlySet<S>;
  /** ISR bits 3:0. */
  readonly code: Readonly<Record<S, number>>;
  readonly rows: readonly PhyRow<S>[];
  /** Levels that a ready receiver takes for loss of signal. */
  readonly loss: (level: Level) => boolean;
}

/** The rows that each state has to look at, in their order. */
export function rowsByState<S extends string>(table: PhyTable<S>): ReadonlyMap<S, readonly PhyRow<S>[]> {
  const states = Object.keys(table.entry) as S[];
  return new Map(
    states.map((state) => [
      state,
      table.rows.filter(
        ({ from }) => from === 'any' || from === state || (Array.isArray(from) && from.includes(state)),
      ),
    ]),
  );
}

/** The rate at which a level comes, for ALIGN and SYNC. */
export function rateOf(level: Level): Generation | 0 {
  const last = level.charCodeAt(level.length - 1) - 0x30;
  const sends = level.startsWith('ALIGN') || level.startsWith('SYNC');
  return sends && (last === 1 || last === 2 || last === 3) ? last : 0;
}

/** PhyRdy, or asleep and on the way back: to the layers above both are a link. */
export function isUp<S extends string>(table: PhyTable<S>, phy: Phy<S>): boolean {
  return phy.line === 'run' && (table.ready.has(phy.state) || phy.asleep !== null);
}
