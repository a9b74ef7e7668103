import type { Pttrsm } from '../pttrsm/pttrsm.ts';
import type { UnitReason } from './status-word.ts';

/** Why a unit shows nothing. */
export function reasonOf(t: Pick<Pttrsm, 'state' | 'fault' | 'missing'>): UnitReason {
  if (t.state === 'T6' && t.fault !== null) return t.fault;
  if (t.state === 'T2H' && t.missing !== null) return `missing-${t.missing}`;
  return 'none';
}
