import { ACCEPTABLE, type ChainFault, FAULT_SENTENCE } from '../pttrsm/judge.ts';
import type { TState } from '../pttrsm/pttrsm.ts';
import { CSI, DSI } from '../registers/chain-registers.ts';
import type { BitField } from '../registers/layout.ts';
import type { UnitReason } from '../registers-port/status-word.ts';
import type { EnrolledMembers } from '../registers-port/unit-driver.ts';
import type { SyncChange, SyncRecord } from '../sync/record.ts';
import type { ChainTrouble } from './report.ts';

/** What a state of PTTRSM means to whoever looks after the disk. */
export const STATE_WORDS: Readonly<Record<TState, string>> = {
  T0: 'powering on',
  T1: 'looking for members',
  T2: 'putting members together',
  T2H: 'HOLDING: waits for missing members',
  T3: 'ready for the host',
  T4: 'running',
  T5: 'looking again after a change',
  T6: 'FAULT: may not be shown',
  T7: 'DISABLED: silent to the host',
  T8: 'with the management controller',
  T9: 'going back to the host',
};

const CHANGE_WORDS: Readonly<Record<SyncChange, string>> = {
  'power-on': 'powered on',
  'drive-arrived': 'drive arrived',
  'drive-gone': 'drive gone',
  'drive-exchanged': 'drive exchanged',
  'drive-failed': 'drive failed',
  'media-error': 'drive has unreadable sectors',
  'below-arrived': 'unit below arrived',
  'below-gone': 'unit below gone',
  'link-up': 'link above came up',
  'link-down': 'link above went down',
  speed: 'link speed',
  capacity: 'capacity',
  held: 'held back',
  degraded: 'degraded',
  whole: 'whole again',
  fault: 'fault',
  disabled: 'disabled',
  enabled: 'enabled',
  owned: 'taken by the management controller',
  'handed-back': 'given back to the host',
  position: 'place in the chain',
  state: 'state',
  notice: 'noticed a neighbour',
  registers: 'registers',
};

const MISSING: Readonly<Record<'missing-local' | 'missing-below', string>> = {
  'missing-local': 'its drive is missing',
  'missing-below': 'units below it are missing',
};

const PUT_BACK = 'Put it back as it was, or accept what is there.';
const REMEDY: Partial<Record<UnitReason, string>> = {
  'sector-size': 'Use drives with sectors of one size in one chain.',
  'foreign-chain': 'Take the unit of the other chain out, or clear its memory and let this chain enrol it.',
  'too-many-sectors': 'Take members out: a disk has fewer than 2^48 sectors.',
  'too-many-units': 'Take units out of the chain.',
};

/** What changed last, where that says more than which state the unit went to. */
export function changeWords(last: SyncChange, state: TState): string {
  return last === 'state' ? `went to ${state}` : CHANGE_WORDS[last];
}

/** Why a unit shows nothing, and what to do. */
export function explainReason(
  reason: Exclude<UnitReason, 'none'>,
  { unit, position }: Pick<SyncRecord, 'unit' | 'position'>,
  enrolled: EnrolledMembers | undefined,
): ChainTrouble {
  const where = `Unit ${unit}${position === undefined ? '' : ` at place ${position}`}`;
  const what = isMissing(reason) ? MISSING[reason] : FAULT_SENTENCE[reason];
  return {
    code: reason,
    sentence: `${where}: ${what}.${enrolledWords(reason, enrolled)}`,
    remedy: REMEDY[reason] ?? PUT_BACK,
  };
}

/** What belongs there, for whoever goes and looks for it. */
function enrolledWords(reason: UnitReason, enrolled: EnrolledMembers | undefined): string {
  const { drive, below } = enrolled ?? {};
  if (drive !== undefined && OF_DRIVE.has(reason))
    return ` It belongs here: serial ${drive.serial}, ${drive.sectors} sectors.`;
  if (below === undefined || !OF_BELOW.has(reason)) return '';
  const units = below.units === 1 ? '1 unit' : `${below.units} units`;
  return ` ${units} with ${below.sectors} sectors belong there.`;
}

const OF_DRIVE: ReadonlySet<UnitReason> = new Set(['missing-local', 'other-drive', 'drive-size']);
const OF_BELOW: ReadonlySet<UnitReason> = new Set(['missing-below', 'chain-shrunk', 'order-changed']);

const isMissing = (reason: UnitReason): reason is 'missing-local' | 'missing-below' =>
  reason === 'missing-local' || reason === 'missing-below';

/** Whether an operator may say that it is to stay so. */
export function mayAccept(reason: UnitReason): boolean {
  return reason !== 'none' && (isMissing(reason) || ACCEPTABLE.has(reason as ChainFault));
}

/** "phy-ready", "raid-role 1": flags that are set, and fields that are not zero. */
function flagsOf(
  register: {
    readonly fields: Readonly<Record<string, BitField>>;
    decode(word: number): Readonly<Record<string, number | boolean>>;
  },
  word: number,
): string[] {
  return Object.entries(register.decode(word)).flatMap(([name, value]) => {
    if (value === false || value === 0) return [];
    const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return value === true ? [words] : [`${words} ${value}`];
  });
}

export const dsiFlags = (word: number): string[] => flagsOf(DSI, word);
export const csiFlags = (word: number): string[] => flagsOf(CSI, word);
