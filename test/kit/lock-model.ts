import { LOCK_LEVELS } from '../../src/bmc/lock-levels.ts';
import {
  judgedLock,
  LOCK_EDGES,
  type LockEdge,
  type LockState,
  lockEdges,
  NEW_LOCK,
} from '../../src/bmc/lock-machine.ts';
import type { LockWish } from '../../src/bmc/lock-record.ts';
import type { Model, Step } from './explorer/explore.ts';

/** The lock, and what its owner was told last; "either" while an order is under way that was not answered. */
export interface Told extends LockState {
  readonly told: LockWish | 'either';
}

/** The lock machine with everything that may happen to it, for the explorer. Other edges than the real ones are planted faults. */
export function lockModel(edges: readonly LockEdge[] = LOCK_EDGES): Model<Told> {
  return {
    initial: [{ ...NEW_LOCK, told: 'enabled' }],
    steps: (state) => stepsOf(state, edges),
    encode: (state) => JSON.stringify(state),
    decode: (key) => JSON.parse(key, revive) as Told,
    invariant,
    settled,
  };
}

/** Edges that are somebody's own doing, too: how the owner gets on without luck. */
export function stepsOf(state: Told, edges: readonly LockEdge[] = LOCK_EDGES): readonly Step<Told>[] {
  return lockEdges(state, edges)
    .map(({ on, by, to }) => ({ label: on, internal: by === 'machine', next: tell(on, state, to(state)) }))
    .filter(({ next, internal }) => internal || JSON.stringify(next) !== JSON.stringify(state));
}

function tell(on: string, from: Told, next: LockState): Told {
  const { told } = from;
  // Nobody waits for an answer any more: what is found is what is told.
  if (on === 'read' && told === 'either' && next.believed !== undefined)
    return { ...next, told: next.believed };
  if (on === 'store b') return { ...next, told: next.target };
  if (next.phase === 'storing' && (on.startsWith('order ') || on === 'absence lapses'))
    return { ...next, told: 'either' };
  return { ...next, told };
}

const revive = (key: string, value: unknown): unknown =>
  key === 'believed' && value === null ? undefined : value;

function invariant(s: Told): string | undefined {
  if (s.told === 'disabled' && judgedLock(s) !== 'disabled') return 'a restart would find it free';
  if (s.told === 'disabled' && s.believed === 'enabled') return 'memory holds it free';
  if (s.believed === 'enabled' && (s.a === 'disabled' || s.b === 'disabled'))
    return 'memory holds it free, and a copy does not';
  return undefined;
}

function settled(s: Told): string | undefined {
  if (s.phase === 'off') return undefined;
  if (s.phase !== 'resting') return `stuck while ${s.phase}`;
  if (s.believed !== s.target || s.told !== s.target) return 'memory, record and answer differ';
  const right = s.target === 'disabled' ? s.held : LOCK_LEVELS.filter((level) => !s.held.includes(level));
  const wrong = LOCK_LEVELS.find((level) => !right.includes(level) && !s.broken.includes(level));
  if (wrong !== undefined) return `${wrong} does not follow`;
  if (s.target === 'disabled' && s.hostRuns) return 'the host runs on';
  return undefined;
}
