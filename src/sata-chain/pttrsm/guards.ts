import { ACCEPTABLE, judge } from './judge.ts';
import type { Pttrsm, TGuard } from './pttrsm.ts';
import { foundAt, isSettled, type Side } from './side.ts';

/** What a signature would stand for now: equal text, equal disk. */
export function presentation(t: Pttrsm): string {
  const drive = foundAt(t.local);
  const rest = foundAt(t.below);
  return `${drive ? `${drive.serial}:${drive.sectors}` : ''}/${rest ? `${rest.membership}:${rest.sectors}` : ''}`;
}

const judgement = (t: Pttrsm) => judge(t.record, t.local, t.below);
const settled = (t: Pttrsm): boolean => isSettled(t.local) && isSettled(t.below);
const arrived = (used: boolean, side: Side): boolean => !used && side.is === 'known';
const anyArrived = (t: Pttrsm): boolean => arrived(t.uses.local, t.local) || arrived(t.uses.below, t.below);

export const GUARDS: Readonly<Record<TGuard, (t: Pttrsm) => boolean>> = {
  locked: (t) => t.record.locked,
  unlocked: (t) => !t.record.locked,
  'both settled': settled,
  'a side is open': (t) => !settled(t),
  faulty: (t) => judgement(t).is === 'fault',
  missing: (t) => judgement(t).is === 'missing',
  'must call': (t) =>
    t.ptiUp && !t.due && (t.unheeded || (t.presented !== null && t.presented !== presentation(t))),
  'host is away': (t) => !t.ptiUp && (t.unheeded || t.due || t.presented !== null),
  'may sign': (t) => t.ptiUp && !t.due && !t.unsaved && !t.signed,
  signed: (t) => t.signed && !t.due && !t.unsaved,
  'a member is open': (t) =>
    (t.uses.local && t.local.is !== 'known') || (t.uses.below && t.below.is !== 'known'),
  'something arrived': anyArrived,
  'a stranger arrived': (t) => anyArrived(t) && judgement(t).is === 'fault',
  'goes down': (t) => t.resets === 'one',
  'may revive': (t) => t.resets !== 'passed' && t.local.is === 'failed',
  // A unit below that is up and silent holds its own signature: the order belongs there.
  'gap is here': (t) => !(t.below.is === 'failed' && t.ptoUp),
  acceptable: (t) => t.fault !== null && ACCEPTABLE.has(t.fault),
  'call is due': (t) => t.due,
  'below is used': (t) => t.uses.below,
};

/** Commands from above are served: the signature is up and nothing has changed since. */
export const hostIsServed = (t: Pttrsm): boolean => t.state === 'T4' && t.signed;

/** Commands of the management controller: `draining` lets those given finish and takes no more. */
export function ownerIsServed(t: Pttrsm): 'yes' | 'draining' | 'no' {
  if (t.state !== 'T8' && t.state !== 'T9') return 'no';
  if (!settled(t) || judgement(t).is !== 'same') return 'no';
  return t.state === 'T8' ? 'yes' : 'draining';
}
