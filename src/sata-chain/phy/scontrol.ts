import { SCONTROL } from '../registers/scr.ts';
import type { Generation } from './level.ts';
import type { Phy, PhyLine } from './phy.ts';

/** What a write to SControl changes at once, and the lines that it then drives. */
export interface Obeyed<S extends string> {
  readonly phy: Phy<S>;
  readonly lines: readonly PhyLine[];
}

/**
 * A write to SControl. DET acts when it changes: 1 holds COMRESET, 4 takes the port offline, 0 lets it go; of a device port
 * it is ignored, for PTTRSM alone says when that is silent. SPD caps the next negotiation, IPM refuses sleep, SPM asks for
 * it or wakes, and reads as 0. Reserved values are ignored.
 */
export function obeyScontrol<S extends string>(
  phy: Phy<S>,
  value: number,
  side: 'host' | 'device',
): Obeyed<S> {
  const old = SCONTROL.decode(phy.scontrol);
  const now = SCONTROL.decode(value);
  const det = side === 'host' && (now.det === 0 || now.det === 1 || now.det === 4) ? now.det : old.det;
  const spd = now.spd <= 3 ? now.spd : old.spd;
  const fastest = spd === 0 ? phy.capable : (Math.min(spd, phy.capable) as Generation);
  const lines: PhyLine[] = [];
  if (det !== old.det) {
    if (old.det === 4) lines.push('RUN');
    if (det === 1) lines.push('HOLD_RESET');
    else if (det === 4) lines.push('OFFLINE');
    else if (old.det === 1) lines.push('RELEASE');
  }
  const request = SPM[now.spm];
  if (request !== undefined) lines.push(request);
  return {
    phy: {
      ...phy,
      fastest,
      denies: (now.ipm & 3) as 0 | 1 | 2 | 3,
      scontrol: SCONTROL.encode({ ...now, det, spd, spm: 0 }),
    },
    lines,
  };
}

/**
 * What a line of PTTRSM comes to at a port that SControl.DET holds in reset or offline: that lasts until DET lets the port
 * go.
 */
export function underScontrol(phy: Phy<string>, line: PhyLine): readonly PhyLine[] {
  const { det } = SCONTROL.decode(phy.scontrol);
  if (det === 0 || line === 'OFFLINE') return [line];
  return det === 1 && line === 'RUN' ? ['RUN', 'HOLD_RESET'] : [];
}

const SPM: Readonly<Record<number, PhyLine>> = { 1: 'partial', 2: 'slumber', 4: 'wake' };
