import { LOCK_LEVELS, type LockLevel } from './lock-levels.ts';
import { countsWith, type LockStep, planOrder, planStart } from './lock-plan.ts';
import { judgeLock, type LockCopy, type LockWish } from './lock-record.ts';

/** One stored copy of the record. */
export type LockCopyState = LockWish | 'absent' | 'damaged';

/**
 * The lock as a machine: what is stored, what memory holds, what of it is in force. What is stored, and what counts then, its
 * edges ask of lock-plan.ts, as Lockout does. test/scenario/lock-exhaustive.test.ts visits every state, and
 * test/unit/bmc/lock-machine.test.ts holds the real Lockout and LockGuard against it.
 */
export interface LockState {
  /** "off": no agent runs. "storing": the record is being written. "applying": the levels follow it. */
  readonly phase: 'off' | 'reading' | 'storing' | 'applying' | 'resting';
  readonly a: LockCopyState;
  readonly b: LockCopyState;
  /** What memory holds; undefined before the record was read: then nothing is let wake. */
  readonly believed: LockWish | undefined;
  /** What is being brought about, or was. */
  readonly target: LockWish;
  /** While storing: the first copy is written. */
  readonly halfStored: boolean;
  /** While applying: levels that were not tried yet. */
  readonly todo: readonly LockLevel[];
  readonly held: readonly LockLevel[];
  /** Levels whose hand fails now. */
  readonly broken: readonly LockLevel[];
  readonly hostRuns: boolean;
}

export const NEW_LOCK: LockState = {
  phase: 'off',
  a: 'absent',
  b: 'absent',
  believed: undefined,
  target: 'enabled',
  halfStored: false,
  todo: [],
  held: [],
  broken: [],
  hostRuns: false,
};

export interface LockEdge {
  readonly on: string;
  /** "machine": by itself, sooner or later. "owner": whoever may give orders and repair. "world": everybody and everything else. */
  readonly by: 'machine' | 'owner' | 'world';
  readonly from: readonly LockState['phase'][];
  readonly when?: (state: LockState) => boolean;
  readonly to: (state: LockState) => LockState;
}

const copyOf = (copy: LockCopyState): LockCopy =>
  copy === 'absent' || copy === 'damaged'
    ? { is: copy }
    : { is: 'whole', record: { state: copy, version: 1 } };

/** What a restart would find. */
export function judgedLock({ a, b }: Pick<LockState, 'a' | 'b'>): LockWish {
  return judgeLock(copyOf(a), copyOf(b)).record.state;
}

const and = (levels: readonly LockLevel[], level: LockLevel): readonly LockLevel[] =>
  LOCK_LEVELS.filter((one) => one === level || levels.includes(one));
const without = (levels: readonly LockLevel[], level: LockLevel): readonly LockLevel[] =>
  levels.filter((one) => one !== level);

/** Disabling tries every level; enabling, those that are held. */
function apply(state: LockState, todo?: readonly LockLevel[]): LockState {
  const levels = todo ?? (state.target === 'disabled' ? LOCK_LEVELS : state.held);
  return { ...state, phase: levels.length === 0 ? 'resting' : 'applying', halfStored: false, todo: levels };
}

function tried(state: LockState, level: LockLevel): LockState {
  return apply(state, without(state.todo, level));
}

/** Begins with the steps of a plan: what it stores, or else the levels. */
function begin(state: LockState, target: LockWish, steps: readonly LockStep[]): LockState {
  return steps.some((step) => step.do === 'store')
    ? { ...state, phase: 'storing', target, halfStored: false }
    : apply({ ...state, target, believed: target });
}

function order(state: LockState, wish: LockWish): LockState {
  const now = { state: state.believed ?? 'disabled', version: 1 };
  return begin(state, wish, planOrder(now, wish, {}, 0).steps);
}

const off = (state: LockState, held: readonly LockLevel[]): LockState => ({
  ...state,
  phase: 'off',
  believed: undefined,
  target: 'enabled',
  halfStored: false,
  todo: [],
  held,
});

const ANY = ['off', 'reading', 'storing', 'applying', 'resting'] as const;
const RUNNING = ['reading', 'storing', 'applying', 'resting'] as const;
/** Orders wait for one another: none begins while the last is under way. */
const ORDERED = ['resting'] as const;

const slack = ({ held, broken }: LockState): readonly LockLevel[] =>
  LOCK_LEVELS.filter((level) => !held.includes(level) && !broken.includes(level));

const stuck = ({ held, broken }: LockState): readonly LockLevel[] =>
  held.filter((level) => !broken.includes(level));

const OF_THE_WHOLE: readonly LockEdge[] = [
  { on: 'start', by: 'owner', from: ['off'], to: (s) => ({ ...s, phase: 'reading' }) },
  {
    on: 'read',
    by: 'machine',
    from: ['reading'],
    to: (s) => {
      const { record, steps } = planStart(copyOf(s.a), copyOf(s.b), { is: 'absent' });
      return begin(s, record.state, steps);
    },
  },
  {
    on: 'store a',
    by: 'machine',
    from: ['storing'],
    when: (s) => !s.halfStored,
    to: (s) => ({
      ...s,
      a: s.target,
      halfStored: true,
      believed: countsWith('a', s.target) ? s.target : s.believed,
    }),
  },
  {
    on: 'store b',
    by: 'machine',
    from: ['storing'],
    when: (s) => s.halfStored,
    to: (s) => apply({ ...s, b: s.target, believed: countsWith('b', s.target) ? s.target : s.believed }),
  },
  {
    on: 'hold again',
    by: 'machine',
    from: ['resting'],
    when: (s) => s.believed === 'disabled' && slack(s).length > 0,
    to: (s) => apply(s, slack(s)),
  },
  {
    on: 'release again',
    by: 'machine',
    from: ['resting'],
    when: (s) => s.believed === 'enabled' && stuck(s).length > 0,
    to: (s) => apply(s, stuck(s)),
  },
  {
    on: 'switch the host off',
    by: 'machine',
    from: ['applying', 'resting'],
    when: (s) => s.hostRuns && s.believed === 'disabled',
    to: (s) => ({ ...s, hostRuns: false }),
  },
  {
    on: 'order disable',
    by: 'owner',
    from: ORDERED,
    to: (s) => order(s, 'disabled'),
  },
  {
    on: 'order enable',
    by: 'owner',
    from: ORDERED,
    to: (s) => order(s, 'enabled'),
  },
  {
    // Where it is switched on, and nobody with a say was heard for long: time's doing, no order.
    on: 'absence lapses',
    by: 'world',
    from: ORDERED,
    when: (s) => s.believed === 'enabled',
    to: (s) => order(s, 'disabled'),
  },
  { on: 'agent killed', by: 'world', from: RUNNING, to: (s) => off(s, s.held) },
  {
    // The board forgets its mask and lets go of the drive; what another BMC keeps is kept.
    on: 'power cut',
    by: 'world',
    from: RUNNING,
    to: (s) =>
      off(
        s,
        s.held.filter((level) => level === 'boot'),
      ),
  },
  { on: 'copy a damaged', by: 'world', from: ANY, to: (s) => ({ ...s, a: 'damaged' }) },
  { on: 'copy b damaged', by: 'world', from: ANY, to: (s) => ({ ...s, b: 'damaged' }) },
  { on: 'host is woken', by: 'world', from: ANY, to: (s) => ({ ...s, hostRuns: true }) },
  { on: 'host goes down', by: 'world', from: ANY, to: (s) => ({ ...s, hostRuns: false }) },
  { on: 'clock set back', by: 'world', from: ANY, to: (s) => s },
  { on: 'order without right', by: 'world', from: RUNNING, to: (s) => s },
];

const ofLevel = (level: LockLevel): readonly LockEdge[] => [
  {
    on: `hold ${level}`,
    by: 'machine',
    from: ['applying'],
    when: (s) => s.target === 'disabled' && s.todo.includes(level) && !s.broken.includes(level),
    to: (s) => tried({ ...s, held: and(s.held, level) }, level),
  },
  {
    on: `release ${level}`,
    by: 'machine',
    from: ['applying'],
    when: (s) => s.target === 'enabled' && s.todo.includes(level) && !s.broken.includes(level),
    to: (s) => tried({ ...s, held: without(s.held, level) }, level),
  },
  {
    on: `${level} fails`,
    by: 'machine',
    from: ['applying'],
    when: (s) => s.todo.includes(level) && s.broken.includes(level),
    to: (s) => tried(s, level),
  },
  {
    // A mask taken away, a restore policy set anew, a drive swapped behind a switch that falls back.
    on: `${level} slips`,
    by: 'world',
    from: ANY,
    when: (s) => s.held.includes(level),
    to: (s) => ({ ...s, held: without(s.held, level) }),
  },
  {
    on: `${level} breaks`,
    by: 'world',
    from: ANY,
    when: (s) => !s.broken.includes(level),
    to: (s) => ({ ...s, broken: and(s.broken, level) }),
  },
  {
    on: `${level} is mended`,
    by: 'owner',
    from: ANY,
    when: (s) => s.broken.includes(level),
    to: (s) => ({ ...s, broken: without(s.broken, level) }),
  },
];

export const LOCK_EDGES: readonly LockEdge[] = [...OF_THE_WHOLE, ...LOCK_LEVELS.flatMap(ofLevel)];

/** The edges that lead on from here. */
export function lockEdges(state: LockState, edges: readonly LockEdge[] = LOCK_EDGES): readonly LockEdge[] {
  return edges.filter(({ from, when }) => from.includes(state.phase) && when?.(state) !== false);
}
