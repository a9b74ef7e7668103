import type { HostRow } from '../src/web/wire.ts';

/** Columns of the table by their heads, in their order. */
export const COLUMNS = ['host', 'device', 'power', 'lock', 'disks', 'tasks', 'as of', 'note'] as const;
export type Column = (typeof COLUMNS)[number];

export interface Sort {
  readonly by: Column;
  readonly falling: boolean;
}

/** What a cell is sorted by; undefined where nothing is known, which comes last either way. */
type Key = string | number | undefined;

const natural = (text: string): string | undefined =>
  text === '' ? undefined : text.toLowerCase().replace(/\d{1,15}/g, (digits) => digits.padStart(15, '0'));

const KEYS: Readonly<Record<Column, (row: HostRow) => Key>> = {
  host: ({ name }) => natural(name),
  device: ({ reach }) => reach,
  power: ({ power }) => natural(power),
  lock: ({ lock }) => natural(lock),
  disks: ({ disks }) => natural(disks),
  tasks: ({ at, running, queued }) => (at === undefined ? undefined : running * 1e6 + queued),
  'as of': ({ at }) => at,
  note: ({ says }) => natural(says),
};

/** A row is never changed but replaced: its name is made sortable once. */
const names = new WeakMap<HostRow, Key>();

function keyOf(row: HostRow, by: Column): Key {
  if (by !== 'host') return KEYS[by](row);
  if (!names.has(row)) names.set(row, KEYS.host(row));
  return names.get(row);
}

/** Rows by a column; those that are equal stay as they were. */
export function sortRows(rows: readonly HostRow[], sort: Sort | undefined): readonly HostRow[] {
  if (sort === undefined) return rows;
  const turn = sort.falling ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: keyOf(row, sort.by) }));
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    if (a.key === undefined) return 1;
    if (b.key === undefined) return -1;
    return a.key < b.key ? -turn : turn;
  });
  return keyed.map(({ row }) => row);
}

/** What a press on a column's head leads to: rising, then falling, then as the configuration has the hosts. */
export function nextSort(sort: Sort | undefined, by: Column): Sort | undefined {
  if (sort?.by !== by) return { by, falling: false };
  return sort.falling ? undefined : { by, falling: true };
}
