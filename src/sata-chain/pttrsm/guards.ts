import { type Found, storedDrive, storedUnits } from './found.ts';
import { ACCEPTABLE, judge } from './judge.ts';
import type { Pttrsm, TGuard } from './pttrsm.ts';
import { foundAt, isSettled, type Side } from './side.ts';

/** The members of the disk: those that are there, and those whose place is kept. */
export function membersOf({ record, local, below }: Pttrsm): {
  readonly local: Found | undefined;
  readonly below: Found | undefined;
} {
  const stored = record.keepsPlaces ? record.membership : undefined;
  return {
    local: foundAt(local) ?? (stored?.local ? storedDrive(stored.local) : undefined),
    below: foundAt(below) ?? (stored?.below ? storedUnits(stored.below, record) : undefined),
  };
}

/** What a signature would stand for now: equal text, equal disk. */
export function presentation(t: Pttrsm): string {
  const { local, below } = membersOf(t);
  return `${local ? `${local.serial}:${local.sectors}` : ''}/${below ? `${below.membership}:${below.sectors}` : ''}`;
}

const ABSENT: Side = { is: 'absent' };
const judgement = (t: Pttrsm) => judge(t.record, t.local, t.below);
const settled = (t: Pttrsm): boolean => isSettled(t.local) && isSettled(t.below);
const keeps = (t: Pttrsm): boolean => t.record.keepsPlaces === true;
const mayLeaveHoles = (t: Pttrsm): boolean => keeps(t) && t.settled;

/** Of a chain that runs: which side is known and must not come in, because what runs would have to stop for it. */
export function strangers(t: Pttrsm): { readonly local: boolean; readonly below: boolean } {
  const none = { local: false, below: false };
  if (judgement(t).is !== 'fault') return none;
  const { local, below } = t.uses;
  const newcomers = { local: !local && t.local.is === 'known', below: !below && t.below.is === 'known' };
  if (newcomers.local || newcomers.below || !keeps(t)) return newcomers;
  return {
    local: judge(t.record, t.local, ABSENT).is === 'fault',
    below: judge(t.record, ABSENT, t.below).is === 'fault',
  };
}

function arrived(t: Pttrsm): boolean {
  const { is } = judgement(t);
  if (is === 'missing' || is === 'fault') return false;
  if (is === 'new' && keeps(t)) return settled(t);
  return (!t.uses.local && t.local.is === 'known') || (!t.uses.below && t.below.is === 'known');
}

export const GUARDS: Readonly<Record<TGuard, (t: Pttrsm) => boolean>> = {
  locked: (t) => t.record.locked,
  unlocked: (t) => !t.record.locked,
  'both settled': settled,
  'a side is open': (t) => !settled(t),
  faulty: (t) => judgement(t).is === 'fault',
  missing: (t) => judgement(t).is === 'missing' && !mayLeaveHoles(t),
  'must call': (t) =>
    t.ptiUp && !t.due && (t.unheeded || (t.presented !== null && t.presented !== presentation(t))),
  'host is away': (t) => !t.ptiUp && (t.unheeded || t.due || t.presented !== null),
  'may sign': (t) => t.ptiUp && !t.due && !t.unsaved && !t.signed,
  signed: (t) => t.signed && !t.due && !t.unsaved,
  'a member is open': (t) =>
    !keeps(t) && ((t.uses.local && t.local.is !== 'known') || (t.uses.below && t.below.is !== 'known')),
  'something arrived': arrived,
  'a stranger arrived': (t) => strangers(t).local || strangers(t).below,
  'goes down': (t) => t.resets === 'one',
  'may revive': (t) => t.resets !== 'passed' && t.local.is === 'failed',
  // A unit below that is up and silent holds its own signature: the order belongs there.
  'gap is here': (t) => !(t.below.is === 'failed' && t.ptoUp),
  acceptable: (t) => t.fault !== null && ACCEPTABLE.has(t.fault),
  'call is due': (t) => t.due,
  'below is used': (t) => t.uses.below,
  'keeps places': keeps,
};

/** Commands from above are served: the signature is up and nothing has changed since. */
export const hostIsServed = (t: Pttrsm): boolean => t.state === 'T4' && t.signed;

/** Commands of the management controller: `draining` lets those given finish and takes no more. */
export function ownerIsServed(t: Pttrsm): 'yes' | 'draining' | 'no' {
  if (t.state !== 'T8' && t.state !== 'T9') return 'no';
  const { is } = judgement(t);
  if (is !== 'same' && !(is === 'missing' && mayLeaveHoles(t))) return 'no';
  if (!settled(t) && !mayLeaveHoles(t)) return 'no';
  return t.state === 'T8' ? 'yes' : 'draining';
}
