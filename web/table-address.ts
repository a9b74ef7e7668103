import { type Filter, GROUPINGS, type GroupBy, NO_FILTER } from './rows.ts';
import { COLUMNS, type Sort } from './sort-rows.ts';

/** What of a table's setting stands in the address, and so in a bookmark. */
export interface AddressView {
  readonly filter: Filter;
  readonly by: GroupBy;
  readonly sort: Sort | undefined;
}

const LONGEST = 200;

/** "#fleet?words=rack7&power=S5&by=group&sort=-tasks"; "#fleet" for a table as it comes. */
export function addressOf({ filter, by, sort }: AddressView): string {
  const words = new URLSearchParams();
  for (const field of ['words', 'reach', 'power', 'lock'] as const) {
    if (filter[field] !== '') words.set(field, filter[field]);
  }
  if (by !== 'nothing') words.set('by', by);
  if (sort !== undefined) words.set('sort', `${sort.falling ? '-' : ''}${sort.by}`);
  const text = words.toString();
  return text === '' ? '#fleet' : `#fleet?${text}`;
}

/** Undefined where the address says nothing of a table. What it says wrongly is left out. */
export function viewAt(hash: string): AddressView | undefined {
  if (!hash.startsWith('#fleet?')) return undefined;
  const words = new URLSearchParams(hash.slice('#fleet?'.length));
  const field = (name: string): string => (words.get(name) ?? '').slice(0, LONGEST);
  const by = GROUPINGS.find((each) => each === field('by')) ?? 'nothing';
  const sorted = field('sort');
  const falling = sorted.startsWith('-');
  const column = COLUMNS.find((each) => each === (falling ? sorted.slice(1) : sorted));
  return {
    filter: {
      ...NO_FILTER,
      words: field('words'),
      reach: field('reach') as Filter['reach'],
      power: field('power'),
      lock: field('lock'),
    },
    by,
    sort: column === undefined ? undefined : { by: column, falling },
  };
}
