import { SERROR_N, SERROR_W, SERROR_X } from '../registers/scr.ts';
import type { Nanoseconds } from '../time.ts';
import type { Generation, Level } from './level.ts';
import type { Phy, PhyEvent, PhyNotice, PhyTimer } from './phy.ts';
import { type Act, type Guard, isUp, type PhyRow, type PhyTable, rateOf, rowsByState } from './table.ts';
import type { PhyTimings } from './timings.ts';

export interface PhyStep<S extends string> {
  readonly phy: Phy<S>;
  /** Where the transmitter changed. */
  readonly transmit: Level | undefined;
  /** A timer to start in place of the one that runs, `stop` it, or leave it. */
  readonly timer: { readonly name: PhyTimer; readonly after: Nanoseconds } | 'stop' | undefined;
  readonly notices: readonly PhyNotice[];
}

/** No way through a table takes more rows than this at one moment. */
const LONGEST_WAY = 16;

type Draft<S extends string> = { -readonly [K in keyof Phy<S>]: Phy<S>[K] };

const NO_NOTICES: readonly PhyNotice[] = [];

/** A table as a pure function. Events of a port that is off or offline only change what it hears. */
export function phyMachine<S extends string>(table: PhyTable<S>) {
  const rows = rowsByState(table);
  return (before: Phy<S>, event: PhyEvent, timings: PhyTimings): PhyStep<S> => {
    const phy: Draft<S> = { ...before };
    let notices: PhyNotice[] | undefined;
    let trigger: PhyRow<S>['on'] | undefined;
    let started = false;
    if (event.is === 'level') hear(phy, event.level);
    else if (event.is === 'timer') {
      trigger = 'timer';
      phy.timer = null;
    } else if (event.line === 'OFF' || event.line === 'OFFLINE') silence(phy, table, event.line);
    else if (event.line === 'RUN') {
      phy.line = 'run';
      phy.retries = 0;
      started = enter(phy, table, table.initial, timings);
    } else trigger = event.line;

    for (let i = 0; phy.line === 'run' && i < LONGEST_WAY; i += 1) {
      const row = firstThatFits(rows.get(phy.state)!, phy, table, trigger);
      if (row === undefined) break;
      trigger = undefined;
      if (row.do !== undefined) {
        for (const act of row.do) {
          const notice = perform(act, phy, timings);
          if (notice !== undefined) notices = [...(notices ?? []), notice];
        }
      }
      const kept = phy.timer;
      const starts = enter(phy, table, row.to, timings);
      started = starts || (started && phy.timer === kept);
      if (row.do?.includes('no timer')) phy.timer = null;
    }
    const wasUp = isUp(table, before);
    const up = isUp(table, phy);
    const seen = !before.seen && phy.seen;
    if (wasUp !== up || seen) notices = conclude(notices ?? [], wasUp, up, seen);
    const { timer } = phy;
    return {
      phy,
      transmit: phy.sent === before.sent ? undefined : phy.sent,
      timer:
        started && timer !== null
          ? { name: timer, after: lengthOf(timer, phy.sent, timings) }
          : timer === null && before.timer !== null && event.is !== 'timer'
            ? 'stop'
            : undefined,
      notices: notices ?? NO_NOTICES,
    };
  };
}

function conclude(notices: PhyNotice[], wasUp: boolean, up: boolean, seen: boolean): PhyNotice[] {
  if (wasUp && !up && !notices.includes('exchanged')) notices.push('lost');
  if (seen) notices.push('seen');
  if (!wasUp && up) notices.push('up');
  return notices;
}

function firstThatFits<S extends string>(
  rows: readonly PhyRow<S>[],
  phy: Phy<S>,
  table: PhyTable<S>,
  trigger: PhyRow<S>['on'] | undefined,
): PhyRow<S> | undefined {
  for (const row of rows) {
    if ((row.on === trigger || hears(row.on, phy, table)) && (!row.guard || allows(row.guard, phy)))
      return row;
  }
  return undefined;
}

function hear<S extends string>(phy: Draft<S>, level: Level): void {
  phy.heard = level;
  const oob = level === 'COMINIT' ? 1 : level === 'COMWAKE' ? 2 : phy.shadow.lastOob;
  if (oob !== phy.shadow.lastOob) phy.shadow = { ...phy.shadow, lastOob: oob };
}

function silence<S extends string>(phy: Draft<S>, table: PhyTable<S>, line: 'OFF' | 'OFFLINE'): void {
  phy.line = line === 'OFF' ? 'off' : 'offline';
  phy.state = table.initial;
  phy.sent = 'idle';
  phy.rate = 0;
  phy.asked = null;
  phy.asleep = null;
  phy.retries = 0;
  phy.seen = false;
  phy.timer = null;
}

/** True where it started a timer. */
function enter<S extends string>(phy: Draft<S>, table: PhyTable<S>, state: S, timings: PhyTimings): boolean {
  const entry = table.entry[state];
  phy.state = state;
  if (entry.fresh) {
    phy.asleep = null;
    phy.asked = null;
  }
  if (entry.unseen) phy.seen = false;
  phy.sent = levelOf(entry.send, phy.rate, phy.asked);
  if (entry.timer === 'keep') return false;
  phy.timer =
    entry.timer === 'retry or parked'
      ? phy.retries >= timings.parkAfter
        ? 'parked'
        : 'retry'
      : (entry.timer ?? null);
  return phy.timer !== null;
}

function hears<S extends string>(on: PhyRow<S>['on'], phy: Phy<S>, table: PhyTable<S>): boolean {
  const { heard } = phy;
  switch (on) {
    case 'at once':
      return true;
    case 'COMINIT':
    case 'COMWAKE':
    case 'PMACK':
    case 'PMNAK':
      return heard === on;
    case 'no COMINIT':
      return heard !== 'COMINIT';
    case 'no COMWAKE':
      return heard !== 'COMWAKE';
    case 'ALIGN':
      return heard.startsWith('ALIGN') && rateOf(heard) <= phy.fastest;
    case 'ALIGN at this rate':
      return heard.startsWith('ALIGN') && rateOf(heard) === phy.rate;
    case 'ALIGN at another rate':
      return heard.startsWith('ALIGN') && rateOf(heard) <= phy.fastest && rateOf(heard) !== phy.rate;
    case 'SYNC':
      return heard.startsWith('SYNC');
    case 'SYNC at this rate':
      return heard.startsWith('SYNC') && rateOf(heard) === phy.rate;
    case 'loss':
      return table.loss(heard);
    case 'PMREQ':
      return heard === 'PMREQ_P' || heard === 'PMREQ_S';
    default:
      return false;
  }
}

function allows<S extends string>(guard: Guard, phy: Phy<S>): boolean {
  switch (guard) {
    case 'wanted partial':
      return phy.asked === 'partial';
    case 'wanted slumber':
      return phy.asked === 'slumber';
    case 'sleep allowed':
      return (phy.denies & (phy.heard === 'PMREQ_S' ? 2 : 1)) === 0;
    case 'was asleep':
      return phy.asleep !== null;
    case 'slower rate left':
      return phy.rate > 1;
  }
}

function perform<S extends string>(act: Act, phy: Draft<S>, timings: PhyTimings): PhyNotice | undefined {
  switch (act) {
    case 'X':
      phy.seen = true;
      raise(phy, SERROR_X);
      break;
    case 'N':
      raise(phy, SERROR_N);
      break;
    case 'N if asleep':
      if (phy.asleep !== null) raise(phy, SERROR_N);
      break;
    case 'W':
      raise(phy, SERROR_W);
      break;
    case 'count':
      phy.retries = Math.min(phy.retries + 1, timings.parkAfter);
      break;
    case 'take rate':
      phy.rate = rateOf(phy.heard);
      break;
    case 'fastest rate':
      phy.rate = phy.fastest;
      break;
    case 'slower rate':
      phy.rate = (phy.rate - 1) as Generation;
      break;
    case 'ask partial':
      phy.asked = 'partial';
      break;
    case 'ask slumber':
      phy.asked = 'slumber';
      break;
    case 'take request':
      phy.asked = phy.heard === 'PMREQ_S' ? 'slumber' : 'partial';
      break;
    case 'forget request':
      phy.asked = null;
      break;
    case 'unsolicited':
      if (!phy.shadow.unsolicited) phy.shadow = { ...phy.shadow, unsolicited: true };
      return 'exchanged';
    case 'COMRESET':
      phy.seen = true;
      return 'COMRESET';
    case 'ready':
      phy.asleep = null;
      phy.asked = null;
      phy.retries = 0;
      break;
    case 'fall asleep':
      phy.asleep = phy.asked;
      phy.asked = null;
      break;
    case 'no timer':
      break;
  }
  return undefined;
}

function raise<S extends string>(phy: Draft<S>, bit: number): void {
  if ((phy.shadow.serror & bit) === 0) {
    phy.shadow = { ...phy.shadow, serror: (phy.shadow.serror | bit) >>> 0 };
  }
}

function levelOf(send: string, rate: 0 | Generation, asked: 'partial' | 'slumber' | null): Level {
  if (send === 'ALIGN' || send === 'SYNC') return `${send}${rate === 0 ? 1 : rate}`;
  if (send === 'PMREQ') return asked === 'slumber' ? 'PMREQ_S' : 'PMREQ_P';
  return send as Level;
}

function lengthOf(timer: PhyTimer, sent: Level, timings: PhyTimings): Nanoseconds {
  switch (timer) {
    case 'burst':
      return sent === 'COMWAKE' ? timings.comwakeBurst : timings.cominitBurst;
    case 'retry':
      return timings.retry;
    case 'parked':
      return timings.parked;
    case 'align':
      return timings.alignWait;
    case 'rate':
      return timings.alignPerRate;
    case 'acknowledge':
      return timings.acknowledge;
  }
}
