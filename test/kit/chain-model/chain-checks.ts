import type { Found } from '../../../src/sata-chain/pttrsm/found.ts';
import { hostIsServed, ownerIsServed } from '../../../src/sata-chain/pttrsm/guards.ts';
import { judge } from '../../../src/sata-chain/pttrsm/judge.ts';
import type { Pttrsm } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import { foundAt, type Side } from '../../../src/sata-chain/pttrsm/side.ts';
import type { ChainMoves } from './chain-moves.ts';
import { upperRuns } from './chain-moves.ts';
import type { ChainState } from './chain-state.ts';
import { DEAD, foundInBay } from './drives.ts';

/** What may never be, at any moment. */
export function brokenIn(s: ChainState, m: ChainMoves): string | undefined {
  const at = (i: number): Pttrsm => m.steps.at(s.units[i]!.t);
  for (let i = 0; i < s.units.length; i += 1) {
    const u = s.units[i]!;
    const l = s.links[i]!;
    const t = at(i);
    if (!u.power) continue;
    if (t.record.locked && m.steps.record(u.durable).locked && t.state !== 'T7' && t.state !== 'T9')
      return `unit ${i} is disabled and in ${t.state}`;
    if (t.state === 'T7') {
      if (u.pti || u.pto || u.ddi) return `unit ${i} is disabled and a port of it is not silent`;
      if (l.toUpper === 0 && upperRuns(s, i) && l.upper !== 0)
        return `unit ${i} is disabled and seen from above`;
      if (i === 0 && l.toUpper === 0 && s.host.disk !== 0) return 'the host has a disk of a disabled chain';
    }
    if (ownerIsServed(t) !== 'no' && (hostIsServed(t) || u.pti)) return `unit ${i} serves two owners`;
    const bay = s.bays[i]!;
    if (bay.ddi === 2 && bay.toUpper === 0 && differs(foundAt(t.local), foundInBay(bay.drive))) {
      return `unit ${i} takes its drive for another`;
    }
    const serves = l.upper === 2 && l.lower && l.toUpper === 0 && hostIsServed(t);
    if (!serves) continue;
    const stands = m.steps.standsFor(u.t);
    if (i > 0 && differs(foundAt(at(i - 1).below), stands))
      return `unit ${i - 1} sends commands to what unit ${i} no longer is`;
    if (i > 0 || s.host.disk === 0) continue;
    const has = JSON.stringify(m.lists.at(s.host.disk));
    const shown = JSON.stringify(stands && m.lists.of(stands));
    if (has !== shown) return `the host has ${has}, the head serves ${shown}`;
  }
  if (s.unflushed && (s.units[0]!.pti || hostIsServed(at(0)))) {
    return 'the host may come before what the controller wrote is flushed';
  }
  return undefined;
}

const differs = (has: Found | undefined, is: Found | undefined): boolean =>
  has !== undefined &&
  (is === undefined ||
    has.membership !== is.membership ||
    has.sectors !== is.sectors ||
    has.units !== is.units);

/** What may not be where nothing is left to happen by itself. */
export function wrongAtRest(s: ChainState, m: ChainMoves): string | undefined {
  const at = (i: number): Pttrsm => m.steps.at(s.units[i]!.t);
  let excuse = false;
  for (let i = 0; i < s.units.length; i += 1) {
    const u = s.units[i]!;
    const t = at(i);
    const l = s.links[i]!;
    const connected = !l.cut && u.pti && upperRuns(s, i);
    if (connected !== (l.upper === 2) || connected !== l.lower)
      return `link ${i} rests at ${l.upper} ${l.lower}`;
    excuse ||= !u.power || (i > 0 && l.cut) || ['T6', 'T7', 'T8'].includes(t.state);
    if (!u.power) continue;
    if (t.ptiUp !== l.lower || t.ptoUp !== (s.links[i + 1]?.upper === 2))
      return `unit ${i} is wrong about its links`;
    if (t.state === 'T7') continue;
    const bay = s.bays[i]!;
    excuse ||= bay.drive === DEAD || (bay.drive === 0 && t.record.membership?.local !== null);
    const drive = foundInBay(bay.drive);
    const local = sideFault(t.local, bay.drive !== 0, drive);
    if (local) return `unit ${i} drive: ${local}`;
    const next = s.links[i + 1];
    const answer = next?.lower ? m.steps.answer(s.units[i + 1]!.t) : undefined;
    const below = sideFault(t.below, next?.lower ?? false, answer);
    if (below) return `unit ${i} below: ${below}`;
    const state = stateFault(t);
    if (state) return `unit ${i}: ${state}`;
  }
  const head = at(0);
  const seen = s.links[0]!.upper === 2;
  const stands = seen ? m.steps.answer(s.units[0]!.t) : undefined;
  const shown = JSON.stringify(stands ? m.lists.of(stands) : null);
  const has = JSON.stringify(m.lists.at(s.host.disk));
  if (has !== shown) return `the host rests with ${has}, the head stands for ${shown}`;
  if (!excuse && seen && s.host.disk === 0) return `all is there and the host has no disk: ${head.state}`;
  return undefined;
}

function sideFault(side: Side, there: boolean, found: Found | undefined): string | undefined {
  if (found) {
    if (side.is !== 'known' && side.is !== 'refused') return `${side.is}, and it answers`;
    return differs(side.found, found) ? 'known as another' : undefined;
  }
  // What was seen once and never became a disk has failed, even if it is gone since.
  if (side.is === 'failed' || (side.is === 'absent' && !there)) return undefined;
  return `${side.is}, should be ${there ? 'failed' : 'absent'}`;
}

function stateFault(t: Pttrsm): string | undefined {
  const { is } = judge(t.record, t.local, t.below);
  const refuses = t.local.is === 'refused' || t.below.is === 'refused';
  switch (t.state) {
    case 'T2H':
      return is === 'missing' ? undefined : `holds, and all is ${is}`;
    case 'T6':
      return is === 'fault' ? undefined : `at fault, and all is ${is}`;
    case 'T3':
      return t.ptiUp ? 'has not signed' : is === 'same' || refuses ? undefined : `presents, and all is ${is}`;
    case 'T4':
      return t.ptiUp && !t.signed
        ? 'runs unsigned'
        : is === 'same' || refuses
          ? undefined
          : `runs, and all is ${is}`;
    case 'T8':
      return undefined;
    default:
      return `rests in ${t.state}`;
  }
}
