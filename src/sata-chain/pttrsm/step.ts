import type { UnitOrder, UnitRecord } from '../unit/orders.ts';
import { ACTS, type Draft, moveSide, persist, type Work } from './acts.ts';
import type { Found } from './found.ts';
import { GUARDS } from './guards.ts';
import type { Pttrsm, TEvent, TOutput, TRow, TState, UnitTimer } from './pttrsm.ts';
import { PTTRSM_ROWS } from './rows.ts';
import type { SideEvent } from './side.ts';

export type TInput =
  | { readonly is: 'event'; readonly event: Exclude<TEvent, 'at once' | `order ${UnitOrder}`> }
  | { readonly is: 'order'; readonly order: UnitOrder }
  | { readonly is: 'timer'; readonly timer: UnitTimer }
  | { readonly is: 'side'; readonly port: 'pto' | 'ddi'; readonly event: SideEvent; readonly found?: Found }
  | ({ readonly is: 'links' } & Pick<Pttrsm, 'ptiUp' | 'ptoUp' | 'seen'>)
  | { readonly is: 'enrol'; readonly chain: string }
  | { readonly is: 'places'; readonly keep: boolean };

interface TStep {
  readonly t: Pttrsm;
  readonly outputs: readonly TOutput[];
  /** An order that has no row here, or a unit that is enrolled elsewhere. */
  readonly refused: boolean;
}

const NO_TIMERS: Readonly<Record<UnitTimer, boolean>> = {
  local: false,
  below: false,
  hold: false,
  'hand back': false,
  resync: false,
  pace: false,
  calm: false,
  resets: false,
};

/** No moment takes more rows than this. */
const LONGEST_WAY = 12;

const STATES: readonly TState[] = ['T0', 'T1', 'T2', 'T2H', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8', 'T9'];
const ROWS = new Map(STATES.map((state) => [state, PTTRSM_ROWS.filter(({ from }) => from.includes(state))]));

export function newPttrsm(record: UnitRecord): Pttrsm {
  return {
    state: 'T0',
    record,
    unsaved: false,
    local: { is: 'absent' },
    below: { is: 'absent' },
    presented: null,
    uses: { local: false, below: false },
    settled: false,
    signed: false,
    unheeded: false,
    due: false,
    calls: 0,
    resets: 'none',
    fault: null,
    missing: null,
    changed: false,
    timers: NO_TIMERS,
    ptiUp: false,
    ptoUp: false,
    seen: { local: false, below: false },
  };
}

/** One event to its end. `holds`: T_hold is set, so that a hold ends by itself. */
export function stepPttrsm(before: Pttrsm, input: TInput, holds: boolean): TStep {
  const t: Draft = { ...before };
  const work: Work = { t, out: [], holds };
  const event = take(work, input);
  const row = event && find(t, event);
  if (row) follow(work, row);
  for (let i = 0; i < LONGEST_WAY; i += 1) {
    const next = find(t, 'at once');
    if (!next) break;
    follow(work, next);
  }
  return { t, outputs: work.out, refused: refuses(before, input, row) };
}

function refuses(before: Pttrsm, input: TInput, row: TRow | undefined): boolean {
  if (input.is === 'enrol') return before.record.chain !== undefined && before.record.chain !== input.chain;
  return input.is === 'order' && !row;
}

/** What an input changes by itself, and the event that it is to the rows. */
function take(work: Work, input: TInput): TEvent | undefined {
  const { t } = work;
  switch (input.is) {
    case 'event':
      if (input.event === 'saved') t.unsaved = false;
      return input.event;
    case 'order':
      return `order ${input.order}`;
    case 'links':
      t.ptiUp = input.ptiUp;
      t.ptoUp = input.ptoUp;
      t.seen = input.seen;
      return undefined;
    case 'side':
      moveSide(work, input.port, input.event, input.found);
      return input.port === 'pto' && input.event === 'exchanged' ? 'told from below' : undefined;
    case 'enrol':
      if (t.record.chain === undefined) persist(work, { ...t.record, chain: input.chain });
      return undefined;
    case 'places':
      if ((t.record.keepsPlaces ?? false) !== input.keep)
        persist(work, { ...t.record, keepsPlaces: input.keep });
      return undefined;
    case 'timer':
      return fired(work, input.timer);
  }
}

function fired(work: Work, timer: UnitTimer): TEvent | undefined {
  const { t } = work;
  if (!t.timers[timer]) return undefined;
  t.timers = { ...t.timers, [timer]: false };
  switch (timer) {
    case 'local':
      moveSide(work, 'ddi', t.seen.local ? 'wait over' : 'nobody');
      return undefined;
    case 'below':
      moveSide(work, 'pto', t.seen.below ? 'wait over' : 'nobody');
      return undefined;
    case 'calm':
      t.calls = 0;
      return undefined;
    case 'resets':
      t.resets = 'none';
      return undefined;
    case 'hold':
      return 'hold over';
    case 'hand back':
      return 'hand back over';
    case 'pace':
      return 'pace over';
    case 'resync':
      return 'resync over';
  }
}

function find(t: Pttrsm, event: TEvent): TRow | undefined {
  return ROWS.get(t.state)!.find((row) => row.on === event && (!row.guard || GUARDS[row.guard](t)));
}

function follow(work: Work, row: TRow): void {
  for (const act of row.do ?? []) ACTS[act](work);
  if (row.to !== 'same') work.t.state = row.to;
}
