import type { UnitRecord } from '../unit/orders.ts';
import { CALLS_AT_FULL_RATE } from '../unit/timings.ts';
import { presentation, strangers } from './guards.ts';
import { enrolled, judge } from './judge.ts';
import type { Pttrsm, TAct, TOutput, UnitTimer, UnitWait } from './pttrsm.ts';
import { SIDE_WAIT, type Side, type SideEvent, stepSide } from './side.ts';

/** PTTRSM while one step of it is worked out. */
export type Draft = { -readonly [K in keyof Pttrsm]: Pttrsm[K] };

/** One moment's work: the draft and what it makes others do, in order. */
export interface Work {
  readonly t: Draft;
  readonly out: TOutput[];
  readonly holds: boolean;
}

export function start({ t, out }: Work, timer: UnitTimer, wait: UnitWait): void {
  if (!t.timers[timer]) t.timers = { ...t.timers, [timer]: true };
  out.push({ is: 'timer', timer, wait });
}

export function stop({ t, out }: Work, timer: UnitTimer): void {
  if (!t.timers[timer]) return;
  t.timers = { ...t.timers, [timer]: false };
  out.push({ is: 'stop', timer });
}

/** Moves one side and its wait; asks for IDENTIFY where a signature came. */
export function moveSide(
  work: Work,
  port: 'pto' | 'ddi',
  event: SideEvent,
  found?: Parameters<typeof stepSide>[2],
): void {
  const which = port === 'ddi' ? 'local' : 'below';
  const before = work.t[which];
  const after = stepSide(before, event, found);
  if (after) setSide(work, which, after, before);
}

function setSide(work: Work, which: 'local' | 'below', after: Side, before: Side | undefined): void {
  work.t[which] = after;
  const wait = SIDE_WAIT[after.is];
  if (wait === undefined) stop(work, which);
  else if (!before || wait !== SIDE_WAIT[before.is] || before.is === after.is) start(work, which, wait);
  if (after.is === 'asked') work.out.push({ is: 'identify', port: which === 'local' ? 'ddi' : 'pto' });
}

export function persist(work: Work, record: UnitRecord): void {
  work.t.record = record;
  work.t.unsaved = true;
  work.out.push({ is: 'persist', record });
}

const nextEpoch = (record: UnitRecord): UnitRecord => ({ ...record, epoch: (record.epoch + 1) % 2 ** 32 });

function call(work: Work): void {
  const { t, out } = work;
  if (t.timers.pace) {
    t.due = true;
    return;
  }
  out.push({ is: 'line', port: 'pti', line: 'FORCE_COMINIT' });
  t.calls = Math.min(t.calls + 1, CALLS_AT_FULL_RATE);
  t.due = false;
  t.signed = false;
  t.presented = null;
  t.unheeded = false;
  start(work, 'pace', t.calls >= CALLS_AT_FULL_RATE ? 'cominitBackoff' : 'cominitGap');
  start(work, 'calm', 'cominitCalm');
}

export const ACTS: Readonly<Record<TAct, (work: Work) => void>> = {
  'raise epoch': (work) => persist(work, nextEpoch(work.t.record)),
  'run all': ({ out }) => {
    for (const port of ['ddi', 'pto', 'pti'] as const) out.push({ is: 'line', port, line: 'RUN' });
  },
  'silence all': (work) => {
    for (const port of ['pti', 'pto', 'ddi'] as const) work.out.push({ is: 'line', port, line: 'OFFLINE' });
    for (const timer of ['local', 'below', 'pace', 'calm', 'resets', 'hold', 'hand back', 'resync'] as const)
      stop(work, timer);
    const silent: Partial<Draft> = {
      local: { is: 'absent' },
      below: { is: 'absent' },
      uses: { local: false, below: false },
      presented: null,
      settled: false,
      signed: false,
      unheeded: false,
      due: false,
      calls: 0,
      resets: 'none',
      fault: null,
      missing: null,
      changed: false,
    };
    Object.assign(work.t, silent);
  },
  hide: ({ t, out }) => {
    out.push({ is: 'line', port: 'pti', line: 'OFFLINE' });
    t.signed = false;
    t.presented = null;
    t.due = false;
  },
  show: ({ out }) => void out.push({ is: 'line', port: 'pti', line: 'RUN' }),
  'look anew': (work) => {
    setSide(work, 'local', { is: 'unknown' }, undefined);
    setSide(work, 'below', { is: 'unknown' }, undefined);
  },
  'reset down': (work) => {
    for (const port of ['ddi', 'pto'] as const) {
      const side = port === 'ddi' ? work.t.local : work.t.below;
      if (side.is === 'absent' || side.is === 'refused') continue;
      work.out.push({ is: 'line', port, line: 'FORCE_RESET' });
      moveSide(work, port, 'reset');
    }
    work.t.resets = 'passed';
    start(work, 'resets', 'resetWindow');
  },
  'count reset': (work) => {
    if (work.t.resets !== 'none') return;
    work.t.resets = 'one';
    start(work, 'resets', 'resetWindow');
  },
  'note fault': ({ t }) => {
    const judgement = judge(t.record, t.local, t.below);
    t.fault = judgement.is === 'fault' ? judgement.fault : null;
    t.missing = null;
  },
  'note missing': ({ t }) => {
    const judgement = judge(t.record, t.local, t.below);
    t.missing = judgement.is === 'missing' ? judgement.where : null;
    t.fault = null;
  },
  accept: (work) => {
    const { t } = work;
    const record = enrolled(t.record, t.local, t.below);
    if (record !== t.record) {
      const { degraded: _, ...whole } = record;
      persist(work, nextEpoch(whole));
    }
    const { local, below } = t.record.membership ?? { local: null, below: null };
    t.uses = { local: local !== null, below: below !== null };
    t.fault = null;
    t.missing = null;
  },
  agree: (work) => {
    const { t } = work;
    persist(work, nextEpoch({ ...enrolled(t.record, t.local, t.below), degraded: true }));
  },
  lock: (work) => persist(work, { ...work.t.record, locked: true }),
  unlock: (work) => persist(work, { ...work.t.record, locked: false }),
  'call if presented': (work) => {
    if (work.t.presented !== null && work.t.ptiUp) call(work);
  },
  call,
  'call now': (work) => {
    work.t.due = false;
    call(work);
  },
  'host stops waiting': ({ t }) => {
    t.unheeded = true;
  },
  'host begins anew': ({ t }) => {
    t.presented = null;
    t.signed = false;
    t.due = false;
  },
  sign: ({ t, out }) => {
    out.push({ is: 'signature' });
    t.signed = true;
    t.presented = presentation(t);
  },
  settled: ({ t }) => {
    t.changed = false;
    t.settled = true;
  },
  changed: ({ t }) => {
    t.changed = true;
  },
  'refuse arrival': (work) => {
    const { local, below } = strangers(work.t);
    if (local) moveSide(work, 'ddi', 'refuse');
    if (below) moveSide(work, 'pto', 'refuse');
  },
  flush: ({ out }) => void out.push({ is: 'flush' }),
  'start hold': (work) => {
    if (work.t.record.keepsPlaces) start(work, 'hold', 'spin');
    else if (work.holds) start(work, 'hold', 'hold');
  },
  'leave holes': ({ t }) => {
    t.settled = true;
  },
  'stop hold': (work) => stop(work, 'hold'),
  'start hand back': (work) => start(work, 'hand back', 'handBack'),
  'start resync': (work) => start(work, 'resync', 'resync'),
  'stop resync': (work) => stop(work, 'resync'),
  'stop hand back': (work) => stop(work, 'hand back'),
  forget: ({ t }) => {
    t.presented = null;
    t.unheeded = false;
    t.due = false;
  },
};
