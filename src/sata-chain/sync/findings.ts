import type { SyncRecord } from './record.ts';
import type { TableRow } from './table.ts';

/** Which neighbour: towards the host, or away from it. */
export type Side = 'above' | 'below';

/** Something in a chain that is not as it should be, or not where it was. */
export type SyncFinding =
  /** The neighbour on this side belongs to another chain. */
  | {
      readonly is: 'stranger';
      readonly side: Side;
      readonly unit: string;
      readonly chain: string | undefined;
    }
  /** Two units speak under one id. */
  | { readonly is: 'twice'; readonly unit: string }
  /** A neighbour says that it is where it cannot be. */
  | { readonly is: 'position'; readonly unit: string; readonly claims: number; readonly expected: number }
  /** Two units say that they are at one place. */
  | { readonly is: 'position-twice'; readonly position: number; readonly units: readonly string[] }
  | { readonly is: 'moved'; readonly unit: string; readonly from: number; readonly to: number }
  | {
      readonly is: 'drive-moved';
      readonly serial: string;
      readonly from: string;
      readonly to: string;
      readonly position: number | undefined;
    }
  | { readonly is: 'drive-twice'; readonly serial: string; readonly units: readonly string[] }
  | { readonly is: 'table-full'; readonly unit: string; readonly capacity: number }
  | { readonly is: 'malformed'; readonly side: Side; readonly messages: number }
  /** What another unit has noticed beside itself. */
  | { readonly is: 'noticed'; readonly unit: string; readonly notice: SyncRecord['notices'][number] };

/** What the table itself shows: two units at one place, one drive in two units, and what units say they noticed. */
export function findInTable(rows: Iterable<TableRow>, self: string): SyncFinding[] {
  const places = new Map<number, string[]>();
  const drives = new Map<string, string[]>();
  const noticed: SyncFinding[] = [];
  for (const { record } of rows) {
    if (record.departed) continue;
    if (record.position !== undefined) gather(places, record.position, record.unit);
    if (record.drive !== undefined && record.drive.serial !== '')
      gather(drives, record.drive.serial, record.unit);
    if (record.unit !== self)
      for (const notice of record.notices) noticed.push({ is: 'noticed', unit: record.unit, notice });
  }
  return [
    ...several(places).map(([position, units]) => ({ is: 'position-twice', position, units }) as const),
    ...several(drives).map(([serial, units]) => ({ is: 'drive-twice', serial, units }) as const),
    ...noticed,
  ];
}

function gather<K>(into: Map<K, string[]>, key: K, unit: string): void {
  const units = into.get(key);
  if (units === undefined) into.set(key, [unit]);
  else units.push(unit);
}

function several<K>(groups: ReadonlyMap<K, string[]>): [K, string[]][] {
  return [...groups].filter(([, units]) => units.length > 1).map(([key, units]) => [key, units.sort()]);
}

/** A finding in words, and what to do about it. */
export interface FindingWords {
  readonly sentence: string;
  readonly remedy: string;
}

const NOTICED: Readonly<Record<SyncRecord['notices'][number], string>> = {
  stranger: 'is wired to a unit of another chain',
  'id-twice': 'hears another unit speak under its own id',
  'table-full': 'has no room for more units in its table',
  malformed: 'gets messages that make no sense from a neighbour',
  position: 'has a neighbour that claims an impossible place',
};

/** Findings for people. Units go by their id, places are counted from the host, beginning with 0. */
export function explainFinding(finding: SyncFinding): FindingWords {
  switch (finding.is) {
    case 'stranger':
      return {
        sentence: `The unit ${finding.side === 'above' ? 'above' : 'below'}, ${finding.unit}, belongs to ${finding.chain === undefined ? 'no chain' : `the chain ${finding.chain}`} and not to this one: nothing that it says is taken.`,
        remedy: 'Take it out, or clear it and let this chain enrol it.',
      };
    case 'twice':
      return {
        sentence: `Two units speak under the id ${finding.unit}.`,
        remedy: 'One of them is a copy: take one out, and give it an id of its own.',
      };
    case 'position':
      return {
        sentence: `Unit ${finding.unit} claims place ${finding.claims} and sits at ${finding.expected}.`,
        remedy: 'Restart that unit; if it goes on, its firmware or its cable is not to be trusted.',
      };
    case 'position-twice':
      return {
        sentence: `Units ${finding.units.join(' and ')} both claim place ${finding.position}.`,
        remedy: 'Run "nightshift chain sync"; if it stays, one of them is no longer wired or lies.',
      };
    case 'moved':
      return {
        sentence: `Unit ${finding.unit} was at place ${finding.from} and is now at place ${finding.to}.`,
        remedy:
          'Put it back where it was, unless it was moved on purpose: the order of members is the order of data.',
      };
    case 'drive-moved':
      return {
        sentence: `The drive with serial ${finding.serial} was in unit ${finding.from} and is now in unit ${finding.to}${finding.position === undefined ? '' : ` at place ${finding.position}`}.`,
        remedy:
          'Put it back where it was, unless it was moved on purpose: the order of members is the order of data.',
      };
    case 'drive-twice':
      return {
        sentence: `The drive serial ${finding.serial} is seen in units ${finding.units.join(' and ')}.`,
        remedy: 'Two drives cannot share a serial: look for a copied or a forged drive.',
      };
    case 'table-full':
      return {
        sentence: `There is no room for unit ${finding.unit}: the table holds ${finding.capacity} units.`,
        remedy: 'Make the chain shorter, or accept departed units as gone.',
      };
    case 'malformed':
      return {
        sentence: `${finding.messages} messages from the unit ${finding.side} made no sense and were dropped.`,
        remedy: 'Look at its firmware version and its cable.',
      };
    case 'noticed':
      return {
        sentence: `Unit ${finding.unit} ${NOTICED[finding.notice]}.`,
        remedy: 'Look at the units beside it.',
      };
  }
}
