import type { HostRow } from '../src/web/wire.ts';

/** What the fleet table is narrowed to. */
export interface Filter {
  /** All of these words stand somewhere in the row; upper and lower case are one. */
  readonly words: string;
  readonly reach: HostRow['reach'] | '';
  readonly power: string;
  readonly lock: string;
}

export const NO_FILTER: Filter = { words: '', reach: '', power: '', lock: '' };

export const GROUPINGS = ['nothing', 'group', 'power', 'lock', 'reach'] as const;
export type GroupBy = (typeof GROUPINGS)[number];

/** A line of the table. */
export type Item =
  | { readonly is: 'host'; readonly key: string; readonly row: HostRow }
  | {
      readonly is: 'group';
      readonly key: string;
      readonly label: string;
      readonly count: number;
      readonly note: string;
      readonly open: boolean;
    };

/** A row is never changed but replaced: what is searched in it is put together once. */
const texts = new WeakMap<HostRow, string>();

function textOf(row: HostRow): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const text =
    `${row.name} ${row.groups.join(' ')} ${row.reach} ${row.power} ${row.lock} ${row.disks} ${row.says}`.toLowerCase();
  texts.set(row, text);
  return text;
}

export function filterRows(rows: readonly HostRow[], filter: Filter): readonly HostRow[] {
  const words = filter.words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const { reach, power, lock } = filter;
  if (words.length === 0 && reach === '' && power === '' && lock === '') return rows;
  return rows.filter((row) => {
    if (reach !== '' && row.reach !== reach) return false;
    if (power !== '' && row.power !== power) return false;
    if (lock !== '' && row.lock !== lock) return false;
    if (words.length === 0) return true;
    const text = textOf(row);
    return words.every((word) => text.includes(word));
  });
}

function labelsOf(row: HostRow, by: Exclude<GroupBy, 'nothing'>): readonly string[] {
  if (by === 'group')
    return row.groups.length === 0 ? ['in no group'] : row.groups.map((group) => `@${group}`);
  const label = row[by];
  return [label === '' ? 'not known' : label];
}

/** What of a group's hosts somebody may have to look at, counted; empty where there is nothing. */
function noteOf(members: readonly HostRow[]): string {
  const counts: readonly (readonly [number, string])[] = [
    [members.filter(({ reach }) => reach !== 'answers' && reach !== 'not asked').length, 'not answering'],
    [members.filter(({ lock }) => lock.startsWith('disabled')).length, 'disabled'],
    [members.filter(({ running }) => running > 0).length, 'at work'],
  ];
  return counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ');
}

const NONE_CLOSED: ReadonlySet<string> = new Set();

/** The lines in their order; a host stands in each of its groups. Of a group that is closed, its head alone. */
export function groupRows(
  rows: readonly HostRow[],
  by: GroupBy,
  closed: ReadonlySet<string> = NONE_CLOSED,
): readonly Item[] {
  if (by === 'nothing') return rows.map((row) => ({ is: 'host', key: row.name, row }));
  const groups = new Map<string, HostRow[]>();
  for (const row of rows) {
    for (const label of labelsOf(row, by)) {
      const members = groups.get(label);
      if (members === undefined) groups.set(label, [row]);
      else members.push(row);
    }
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([label, members]): Item[] => [
      {
        is: 'group',
        key: label,
        label,
        count: members.length,
        note: noteOf(members),
        open: !closed.has(label),
      },
      ...(closed.has(label)
        ? []
        : members.map((row): Item => ({ is: 'host', key: `${label} ${row.name}`, row }))),
    ]);
}

/** The values that a column has, for a list to choose from. */
export function valuesOf(rows: readonly HostRow[], column: 'power' | 'lock' | 'reach'): readonly string[] {
  return [...new Set(rows.map((row) => row[column]))].filter((value) => value !== '').sort();
}

/** Lines drawn above and below what can be seen, so that a short scroll shows no gap. */
const BESIDE = 8;

/** Which lines are drawn, from `first` up to `end`, of `count` of this height, in a view scrolled to `top`. */
export function rowWindow(
  count: number,
  height: number,
  top: number,
  view: number,
): { readonly first: number; readonly end: number } {
  const from = Math.floor(Math.max(0, top) / height) - BESIDE;
  const first = Math.max(0, Math.min(from, count));
  const end = Math.min(
    count,
    Math.max(first, Math.ceil((Math.max(0, top) + Math.max(0, view)) / height) + BESIDE),
  );
  return { first, end };
}

/** Where to scroll to so that this line is seen wholly; `top` where it is already. */
export function scrollFor(index: number, height: number, top: number, view: number): number {
  const begin = index * height;
  if (begin < top) return begin;
  return begin + height > top + view ? begin + height - view : top;
}

/** The line that a key leads to from `active` (-1: none), or undefined where the key moves nothing. */
export function lineAfter(key: string, active: number, count: number, page: number): number | undefined {
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: count - 1,
  };
  const to = Object.hasOwn(moves, key) ? moves[key] : undefined;
  return to === undefined || count === 0 ? undefined : Math.max(0, Math.min(count - 1, to));
}
