import type { Found } from './found.ts';

/**
 * What a unit knows of one of its host ports. `unknown` waits for a first COMINIT, `waiting` for the signature, `asked`
 * for the IDENTIFY answer; the others are settled. `failed` was seen and never became a disk. `refused` answered, and
 * was not let into a chain that runs.
 */
export type Side =
  | { readonly is: 'unknown' | 'waiting' | 'asked' | 'absent' | 'failed' }
  | { readonly is: 'known' | 'refused'; readonly found: Found };

export type SideEvent =
  | 'seen'
  | 'exchanged'
  | 'lost'
  | 'reset'
  | 'signature'
  | 'identity'
  | 'no identity'
  /** The wait is over, and the port has a partner. */
  | 'wait over'
  /** The wait is over, and nothing has answered the last COMRESET. */
  | 'nobody'
  | 'refuse';

interface SideRow {
  readonly from: readonly Side['is'][];
  readonly on: SideEvent;
  readonly to: Side['is'];
}

const SETTLED = ['absent', 'failed', 'known', 'refused'] as const;

/** DDI and PTO alike. What fits no row changes nothing. */
export const SIDE_ROWS: readonly SideRow[] = [
  { from: ['unknown', 'absent'], on: 'seen', to: 'waiting' },
  { from: ['asked', ...SETTLED], on: 'exchanged', to: 'waiting' },
  { from: ['waiting', 'asked', 'failed', 'known', 'refused'], on: 'lost', to: 'unknown' },
  { from: ['unknown', 'waiting', 'asked', 'failed', 'known', 'refused'], on: 'reset', to: 'unknown' },
  { from: ['unknown', 'waiting', ...SETTLED], on: 'signature', to: 'asked' },
  { from: ['asked'], on: 'identity', to: 'known' },
  // An answer after T_spin: whoever gave it has come to life, and is asked again.
  { from: ['failed'], on: 'identity', to: 'asked' },
  { from: ['asked'], on: 'no identity', to: 'failed' },
  { from: ['unknown', 'waiting', 'asked'], on: 'nobody', to: 'absent' },
  { from: ['unknown'], on: 'wait over', to: 'waiting' },
  { from: ['waiting', 'asked'], on: 'wait over', to: 'failed' },
  { from: ['known'], on: 'refuse', to: 'refused' },
];

/** The wait that each state begins; `spin` goes on from waiting into asked. */
export const SIDE_WAIT: Readonly<Record<Side['is'], 'absent' | 'spin' | undefined>> = {
  unknown: 'absent',
  waiting: 'spin',
  asked: 'spin',
  absent: undefined,
  failed: undefined,
  known: undefined,
  refused: undefined,
};

/** Where the event leads, or undefined where it changes nothing. */
export function stepSide(side: Side, event: SideEvent, found?: Found): Side | undefined {
  const row = SIDE_ROWS.find(({ from, on }) => on === event && from.includes(side.is));
  if (!row) return undefined;
  if (row.to === 'known') return found ? { is: 'known', found } : undefined;
  if (row.to === 'refused') return side.is === 'known' ? { is: 'refused', found: side.found } : undefined;
  return { is: row.to };
}

export const isSettled = (side: Side): boolean => SIDE_WAIT[side.is] === undefined;

export const foundAt = (side: Side): Found | undefined => (side.is === 'known' ? side.found : undefined);
