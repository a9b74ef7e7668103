import fc from 'fast-check';
import t from 'tap';
import type { HostRow } from '../../../src/web/index.ts';
import {
  filterRows,
  GROUPINGS,
  groupRows,
  lineAfter,
  NO_FILTER,
  rowWindow,
  scrollFor,
  valuesOf,
} from '../../../web/rows.ts';
import { COLUMNS, nextSort, sortRows } from '../../../web/sort-rows.ts';
import { addressOf, viewAt } from '../../../web/table-address.ts';

const row = (name: string, more: Partial<HostRow> = {}): HostRow => ({
  name,
  groups: [],
  reach: 'answers',
  asking: false,
  power: 'S5',
  lock: 'enabled',
  disks: '',
  running: 0,
  queued: 0,
  says: '',
  ...more,
});
const ROWS = [
  row('rack1', { groups: ['hall', 'all web'] }),
  row('rack2', { power: 'S0', groups: ['hall'] }),
  row('db1', { lock: 'disabled', disks: 'disk0: held', reach: 'failed' }),
  row('db2', { power: '', lock: '', reach: 'offline', says: 'unreachable: the device is offline' }),
];
const shown = (filter: Partial<typeof NO_FILTER>): string[] =>
  filterRows(ROWS, { ...NO_FILTER, ...filter }).map(({ name }) => name);

await t.test('a filter keeps the rows in which all that is asked for stands', async (t) => {
  t.equal(filterRows(ROWS, NO_FILTER), ROWS, 'nothing asked for: the same rows');
  t.same(shown({ words: '  RACK ' }), ['rack1', 'rack2']);
  t.same(shown({ words: 'rack s0' }), ['rack2']);
  t.same(shown({ words: 'held' }), ['db1']);
  t.same(shown({ reach: 'offline' }), ['db2']);
  t.same(shown({ power: 'S5', lock: 'enabled' }), ['rack1']);
  t.same(shown({ words: '.*' }), [], 'words are words, no patterns');
});

await t.test('a row that was replaced is searched by what it says now', async (t) => {
  const before = row('a', { says: 'old' });
  t.equal(filterRows([before], { ...NO_FILTER, words: 'old' }).length, 1);
  t.equal(filterRows([{ ...before, says: 'new' }], { ...NO_FILTER, words: 'old' }).length, 0);
});

await t.test('groups count their hosts, and a host stands in each of its groups', async (t) => {
  const lines = groupRows(ROWS, 'group').map((item) =>
    item.is === 'group' ? `${item.label} ${item.count}` : item.row.name,
  );
  t.same(lines, ['@all web 1', 'rack1', '@hall 2', 'rack1', 'rack2', 'in no group 2', 'db1', 'db2']);
  t.same(
    groupRows(ROWS, 'lock').flatMap((item) => (item.is === 'group' ? [`${item.label} ${item.count}`] : [])),
    ['disabled 1', 'enabled 2', 'not known 1'],
  );
  const keys = groupRows(ROWS, 'group').map(({ key }) => key);
  t.equal(new Set(keys).size, keys.length, 'each line has a key of its own');
  t.same(valuesOf(ROWS, 'power'), ['S0', 'S5']);
});

await t.test('a group says what of it is to be looked at, and can be closed', async (t) => {
  const heads = groupRows(ROWS, 'group', new Set(['@hall'])).map((item) =>
    item.is === 'group' ? `${item.label} ${item.count} (${item.note}) ${item.open}` : item.row.name,
  );
  t.same(heads, [
    '@all web 1 () true',
    'rack1',
    '@hall 2 () false',
    'in no group 2 (2 not answering, 1 disabled) true',
    'db1',
    'db2',
  ]);
});

await t.test(
  'hosts sort as people count, what is not known comes last, equals stay as they were',
  async (t) => {
    const rows = [row('r10', { at: 5 }), row('r9'), row('R1', { at: 7 }), row('r1b', { at: 5 })];
    const names = (sort: Parameters<typeof sortRows>[1]) => sortRows(rows, sort).map(({ name }) => name);
    t.same(names(undefined), ['r10', 'r9', 'R1', 'r1b']);
    t.same(names({ by: 'host', falling: false }), ['R1', 'r1b', 'r9', 'r10']);
    t.same(names({ by: 'as of', falling: false }), ['r10', 'r1b', 'R1', 'r9']);
    t.same(names({ by: 'as of', falling: true }), ['R1', 'r10', 'r1b', 'r9']);
    t.same(nextSort(nextSort(nextSort(undefined, 'host'), 'host'), 'host'), undefined);
    t.same(nextSort({ by: 'host', falling: true }, 'lock'), { by: 'lock', falling: false });
  },
);

await t.test('an address keeps the setting of the table, and no more than there is', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 60, unit: 'grapheme' }),
      fc.constantFrom(...GROUPINGS),
      fc.constantFrom(...COLUMNS),
      fc.boolean(),
      (words, by, column, falling) => {
        const view = { filter: { ...NO_FILTER, words, power: 'S5' }, by, sort: { by: column, falling } };
        return JSON.stringify(viewAt(addressOf(view))) === JSON.stringify(view);
      },
    ),
  );
  t.equal(addressOf({ filter: NO_FILTER, by: 'nothing', sort: undefined }), '#fleet');
  t.equal(viewAt('#fleet'), undefined);
  t.equal(viewAt('#host/fleet?by=group'), undefined);
  t.match(viewAt(`#fleet?by=__proto__&sort=-toString&words=${'x'.repeat(999)}`), {
    by: 'nothing',
    sort: undefined,
    filter: { words: 'x'.repeat(200) },
  });
});

await t.test('the drawn lines cover the view, are few, and stay within the table', async (t) => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.integer({ min: -500, max: 700_000 }), fc.nat(3000), (count, top, view) => {
      const { first, end } = rowWindow(count, 30, top, view);
      if (first < 0 || end > count || first > end) return false;
      if (end - first > view / 30 + 20) return false;
      const from = Math.max(0, Math.floor(top / 30));
      const last = Math.min(count, Math.ceil((Math.max(0, top) + view) / 30));
      return from >= count || (first <= from && end >= last);
    }),
  );
  t.same(rowWindow(0, 30, 0, 600), { first: 0, end: 0 });
});

await t.test('a line is scrolled to only where it cannot be seen', async (t) => {
  t.equal(scrollFor(5, 30, 100, 300), 100);
  t.equal(scrollFor(0, 30, 100, 300), 0);
  t.equal(scrollFor(20, 30, 100, 300), 330);
});

await t.test('keys move within the table', async (t) => {
  t.equal(lineAfter('ArrowDown', -1, 10, 4), 0);
  t.equal(lineAfter('ArrowUp', 0, 10, 4), 0);
  t.equal(lineAfter('PageDown', 8, 10, 4), 9);
  t.equal(lineAfter('PageUp', 8, 10, 4), 4);
  t.equal(lineAfter('End', 2, 10, 4), 9);
  t.equal(lineAfter('x', 2, 10, 4), undefined);
  t.equal(lineAfter('constructor', 2, 10, 4), undefined, 'no key of that name');
  t.equal(lineAfter('Home', 0, 0, 4), undefined, 'of no lines');
});
