import { LOCK_LEVELS, type LockLevel } from './lock-levels.ts';

export type LockWish = 'enabled' | 'disabled';

/** One stored copy of the record. */
export type LockCopyState = LockWish | 'absent' | 'damaged';

/**
 * The lock as a machine: what is stored, what memory holds, what of it is in force. Lockout, LockGuard and LockKeeper together do
 * what this says; test/scenario/lock-exhaustive.test.ts visits every state and holds the real ones against it.
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

/**
 * What a restart would find: one whole copy that says disabled decides; without any, one that says enabled; without a whole one
 * only a device that never had a record is free.
 */
export function judgedLock({ a, b }: Pick<LockState, 'a' | 'b'>): LockWish {
  if (a === 'disabled' || b === 'disabled') return 'disabled';
  if (a === 'enabled' || b === 'enabled') return 'enabled';
  return a === 'absent' && b === 'absent' ? 'enabled' : 'disabled';
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

const store = (state: LockState, target: LockWish): LockState => ({
  ...state,
  phase: 'storing',
  target,
  halfStored: false,
});

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
      const found = judgedLock(s);
      const agreed = s.a === s.b && s.a !== 'damaged';
      return agreed ? apply({ ...s, target: found, believed: found }) : store(s, found);
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
      believed: s.target === 'disabled' ? 'disabled' : s.believed,
    }),
  },
  {
    on: 'store b',
    by: 'machine',
    from: ['storing'],
    when: (s) => s.halfStored,
    to: (s) => apply({ ...s, b: s.target, believed: s.target }),
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
    to: (s) => (s.believed === 'disabled' ? apply(s) : store(s, 'disabled')),
  },
  {
    on: 'order enable',
    by: 'owner',
    from: ORDERED,
    to: (s) => (s.believed === 'enabled' ? apply(s) : store(s, 'enabled')),
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
