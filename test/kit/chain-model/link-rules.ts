import { BURST, type LinkState, SILENCE } from './chain-state.ts';

/** What the machine above the upper end is told. */
export type UpperNotice = 'seen' | 'lost' | 'exchanged' | 'up';
/** What the machine above the lower end is told. */
export type LowerNotice = 'COMRESET' | 'lost' | 'up';

/*
 * A link as the machines above the phys can tell it: which end believes it to be ready, and what is under way that will
 * undo that. LinkInclusion shows that two phys and a cable do nothing that these rules cannot do.
 */

export function send(l: LinkState, way: 'toUpper' | 'toLower', signal: 1 | 2): void {
  if (!l.cut) l[way] = signal;
}

/** Frames under way are gone with the link. */
function breakOff(l: LinkState): void {
  l.signature = false;
  l.asking = false;
}

function lowerFalls(l: LinkState): void {
  if (l.lower && l.upper === 1) l.late = true;
  l.lower = false;
  breakOff(l);
}

export function upperHears(l: LinkState): UpperNotice | undefined {
  const signal = l.toUpper;
  const wasUp = l.upper === 2;
  l.toUpper = 0;
  l.late = false;
  if (signal === BURST && !wasUp) {
    if (l.upper === 1) return undefined;
    l.upper = 1;
    return 'seen';
  }
  breakOff(l);
  l.upper = signal === BURST ? 1 : 0;
  if (signal === BURST) return 'exchanged';
  send(l, 'toLower', BURST);
  return wasUp ? 'lost' : undefined;
}

export function lowerHears(l: LinkState): readonly LowerNotice[] {
  const signal = l.toLower;
  const wasUp = l.lower;
  l.toLower = 0;
  lowerFalls(l);
  if (signal === BURST) send(l, 'toUpper', BURST);
  return [...(signal === BURST ? (['COMRESET'] as const) : []), ...(wasUp ? (['lost'] as const) : [])];
}

/** The handshake goes well: the lower end is ready first. */
export function lowerReady(l: LinkState): LowerNotice {
  l.lower = true;
  return 'up';
}

export function upperReady(l: LinkState): UpperNotice {
  l.upper = 2;
  l.late = false;
  return 'up';
}

/** An end that heard nothing tries again. */
export function tryAgain(l: LinkState, by: 'upper' | 'lower'): void {
  l.late = false;
  if (by === 'upper') l.upper = 0;
  send(l, by === 'upper' ? 'toLower' : 'toUpper', BURST);
}

/** True where the end was ready before. */
export function upperLine(l: LinkState, line: 'RUN' | 'OFFLINE' | 'FORCE_RESET'): boolean {
  const wasUp = l.upper === 2;
  l.upper = 0;
  l.late = false;
  breakOff(l);
  send(l, 'toLower', line === 'OFFLINE' ? SILENCE : BURST);
  return wasUp;
}

/** True where the end was ready before. */
export function lowerLine(l: LinkState, line: 'RUN' | 'OFFLINE' | 'FORCE_COMINIT'): boolean {
  const wasUp = l.lower;
  lowerFalls(l);
  send(l, 'toUpper', line === 'OFFLINE' ? SILENCE : BURST);
  return wasUp;
}

/** For a moment neither end hears the other. */
export function interrupt(l: LinkState): void {
  breakOff(l);
  l.late = false;
  l.toUpper = SILENCE;
  l.toLower = SILENCE;
}
